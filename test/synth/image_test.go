package synth

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/image"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
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
	refused(t, []string{`image.NewAsset("Image")`, "code: is empty", "roots: open none.pem"},
		func() { image.NewAsset(stack, "Image", image.Props{Roots: "none.pem"}) })
}

func TestImageInARepositoryNeedsNoEngine(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	app, stack, out := bench(t)
	props := leastContainers(t, stack)
	pushed := awsecr.Repository_FromRepositoryName(stack, jsii.String("Pushed"), jsii.String("pushed"))
	props.Image = image.FromRepository(pushed, digest)
	compute.NewContainers(stack, "Gateway", props)
	tp := benchTemplate(t, app, out)
	checkStars(t, tp)
	named, err := json.Marshal(at(tp.only(t, "AWS::ECS::TaskDefinition").Properties, "ContainerDefinitions", 0, "Image"))
	if err != nil || !strings.Contains(string(named), "/pushed@"+digest) {
		t.Errorf("the task runs %s, %v", named, err)
	}
	var manifest struct{ DockerImages map[string]any }
	readJSON(t, filepath.Join(out, "bench.assets.json"), &manifest)
	if len(manifest.DockerImages) > 0 {
		t.Errorf("images to build: %v", manifest.DockerImages)
	}
}

func TestAnEnvironmentNamesItsImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	e := shipped(t, "local")
	e.Containers.Image = &environment.Image{Repository: "team/gateway", Digest: digest}
	out := synthesize(t, stub(t), e)
	stack := stackOf(t, out, "local-us-east-1", "containers")
	named, err := json.Marshal(at(stack.only(t, "AWS::ECS::TaskDefinition").Properties, "ContainerDefinitions", 0, "Image"))
	if err != nil || !strings.Contains(string(named), "/team/gateway@"+digest) {
		t.Errorf("the task runs %s, %v", named, err)
	}
	manifests, err := filepath.Glob(filepath.Join(out, "*", "*.assets.json"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no assets: %v", err)
	}
	for _, path := range manifests {
		var manifest struct{ DockerImages map[string]any }
		readJSON(t, path, &manifest)
		if len(manifest.DockerImages) > 0 {
			t.Errorf("%s has images to build: %v", path, manifest.DockerImages)
		}
	}
}

func TestImageInARepositoryIsNamedByItsDigest(t *testing.T) {
	_, stack, _ := bench(t)
	pushed := awsecr.Repository_FromRepositoryName(stack, jsii.String("Pushed"), jsii.String("pushed"))
	hex := strings.Repeat("a", 64)
	for _, digest := range []string{"", "latest", hex, "sha256:abc", "sha256:" + strings.ToUpper(hex), "sha256:" + hex + "\n", "x@sha256:" + hex} {
		refused(t, []string{"image.FromRepository", "digest: is "}, func() { image.FromRepository(pushed, digest) })
	}
	refused(t, []string{"2 problems", "repository: is nil", "digest: is "}, func() { image.FromRepository(nil, "latest") })
}
