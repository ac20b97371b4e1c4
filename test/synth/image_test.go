package synth

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/image"
)

// roots writes a bundle with one authority, made for the test.
func roots(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImageOnlyCopies(t *testing.T) {
	code, err := stub(t).Build(compute.ServerPackage)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := image.Context(image.Props{Code: code, Roots: roots(t)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, image.Dockerfile))
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{"FROM scratch": true, "USER " + compute.User + ":" + compute.User: true, "EXPOSE 8080": true, `ENTRYPOINT ["/server"]`: true,
		"COPY server /server": true, "COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt": true}
	for line := range strings.Lines(string(text)) {
		if !allowed[strings.TrimSuffix(line, "\n")] {
			t.Errorf("the Dockerfile says %q", line)
		}
		delete(allowed, strings.TrimSuffix(line, "\n"))
	}
	if len(allowed) > 0 {
		t.Errorf("the Dockerfile does not say %v", allowed)
	}
}

func TestImageContextIsTheSameEveryTime(t *testing.T) {
	code, err := stub(t).Build(compute.ServerPackage)
	if err != nil {
		t.Fatal(err)
	}
	trusted := roots(t)
	context := func(out string) string {
		dir, err := image.Context(image.Props{Code: code, Roots: trusted, Out: out})
		if err != nil {
			t.Fatal(err)
		}
		return listing(t, dir)
	}
	first := filepath.Join(t.TempDir(), "context")
	want := context(first)
	if got := context(filepath.Join(t.TempDir(), "elsewhere")); got != want {
		t.Errorf("two folders differ:\n%s\n%s", want, got)
	}
	// Over one that somebody touched.
	if err := os.WriteFile(filepath.Join(first, image.Dockerfile), []byte("FROM other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := context(first); got != want {
		t.Errorf("the second time differs:\n%s\n%s", want, got)
	}
}

// listing is every file of a folder with its mode, time and content's hash.
func listing(t *testing.T, dir string) string {
	t.Helper()
	hashes := fingerprint(t, dir)
	var b strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %s %s %s\n", path, info.Mode(), info.ModTime().UTC(), hashes[path])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestImageAssetIsForArm64AndRunsAsATask(t *testing.T) {
	app, stack, out := bench(t)
	code, err := stub(t).Build(compute.ServerPackage)
	if err != nil {
		t.Fatal(err)
	}
	props := leastContainers(t, stack)
	asset := image.NewAsset(stack, "Image", image.Props{Code: code, Roots: roots(t)})
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

func TestImageRefuses(t *testing.T) {
	_, stack, _ := bench(t)
	code, err := stub(t).Build(compute.ServerPackage)
	if err != nil {
		t.Fatal(err)
	}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	taken := t.TempDir()
	if err := os.WriteFile(filepath.Join(taken, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		props image.Props
		want  []string
	}{
		{"nothing given", image.Props{}, []string{`image.NewAsset("Image")`, "code: is empty", "roots: is empty"}},
		{"no bundle", image.Props{Code: code, Roots: "none.pem"}, []string{"roots: open none.pem"}},
		{"an empty bundle", image.Props{Code: code, Roots: file("hello")}, []string{"holds no certificate in PEM"}},
		{"a key", image.Props{Code: code, Roots: file("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}, []string{"holds a PRIVATE KEY; only certificates"}},
		{"no certificate inside", image.Props{Code: code, Roots: file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}, []string{"certificate 1 of"}},
		{"somebody's folder", image.Props{Code: code, Roots: roots(t), Out: taken}, []string{"holds secret, which an image must not"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkRefused(t, func() { image.NewAsset(stack, "Image", test.props) }, test.want...)
		})
	}
}
