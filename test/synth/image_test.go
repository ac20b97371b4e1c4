package synth

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/image"
)

func TestImageAssetIsForArm64AndRunsAsATask(t *testing.T) {
	app, stack, out := bench(t)
	code, err := stub(t).Build(compute.ServerPackage)
	if err != nil {
		t.Fatal(err)
	}
	props := leastContainers(t, stack)
	asset := image.NewAsset(stack, "Image", image.Props{Code: code})
	props.Image = awsecs.ContainerImage_FromDockerImageAsset(asset)
	compute.NewContainers(stack, "Gateway", props)
	checkStars(t, benchTemplate(t, app, out))
	var manifest struct {
		DockerImages map[string]struct {
			Source struct{ Directory, Platform string }
		}
	}
	readJSON(t, filepath.Join(out, "bench.assets.json"), &manifest)
	if len(manifest.DockerImages) != 1 {
		t.Fatalf("there are %d images, want one", len(manifest.DockerImages))
	}
	for _, built := range manifest.DockerImages {
		if built.Source.Platform != "linux/arm64" {
			t.Errorf("the image is for %q", built.Source.Platform)
		}
		if got := len(fingerprint(t, filepath.Join(out, built.Source.Directory))); got != 3 {
			t.Errorf("the context has %d files, want 3", got)
		}
	}
}

func TestImageRefusesWithEverythingThatIsWrong(t *testing.T) {
	_, stack, _ := bench(t)
	checkRefused(t, func() { image.NewAsset(stack, "Image", image.Props{Roots: "none.pem"}) },
		`image.NewAsset("Image")`, "code: is empty", "roots: open none.pem")
}
