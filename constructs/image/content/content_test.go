package content_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/image/content"
)

func stub(t *testing.T) binary.Asset {
	t.Helper()
	code, err := binary.Stub{Out: t.TempDir()}.Build("./runtime/cmd/server")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func folder(t *testing.T, props content.Props) string {
	t.Helper()
	dir, err := content.Folder(props)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// save writes a file of the test's own.
func save(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// authority is a certificate that may stand in a bundle, in PEM.
func authority(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

func TestImageOnlyCopies(t *testing.T) {
	got, err := os.ReadFile(filepath.Join(folder(t, content.Props{Code: stub(t)}), content.Dockerfile))
	want := `FROM scratch
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY server /server
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/server"]
`
	if err != nil || string(got) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

func TestFolderIsTheSameEveryTime(t *testing.T) {
	code := stub(t)
	first := filepath.Join(t.TempDir(), "first")
	want := listing(t, folder(t, content.Props{Code: code, Out: first}))
	if got := listing(t, folder(t, content.Props{Code: code, Out: filepath.Join(t.TempDir(), "elsewhere")})); got != want {
		t.Errorf("two folders differ:\n%s\n%s", want, got)
	}
	// Over one that somebody touched.
	if err := os.WriteFile(filepath.Join(first, content.Dockerfile), []byte("FROM other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, folder(t, content.Props{Code: code, Out: first})); got != want {
		t.Errorf("the second time differs:\n%s\n%s", want, got)
	}
}

// listing is every file of a folder with its mode, time and content's hash.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var text []byte
		if !entry.IsDir() {
			if text, err = os.ReadFile(filepath.Join(dir, path)); err != nil {
				return err
			}
		}
		fmt.Fprintf(&b, "%s %s %s %x\n", path, info.Mode(), info.ModTime().UTC(), sha256.Sum256(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRootsAreMozillasUnlessOthersAreGiven(t *testing.T) {
	given := authority(t)
	for _, test := range []struct{ path, want string }{{"", string(content.Mozilla())}, {save(t, given), given}} {
		dir := folder(t, content.Props{Code: stub(t), Roots: test.path})
		got, err := os.ReadFile(filepath.Join(dir, "ca-certificates.crt"))
		if err != nil || string(got) != test.want {
			t.Errorf("with roots %q: got %v, %d bytes, want %d", test.path, err, len(got), len(test.want))
		}
	}
}

// TestMozillasRootsAreThoseOfTheModule parses what the image will hold as the program does, and finds AWS's authorities.
func TestMozillasRootsAreThoseOfTheModule(t *testing.T) {
	want := x509.NewCertPool()
	amazon := map[string]bool{"Amazon Root CA 1": true, "Amazon Root CA 2": true, "Amazon Root CA 3": true, "Amazon Root CA 4": true,
		"Starfield Root Certificate Authority - G2": true}
	limited := 0
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			limited++
			continue
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		want.AddCert(certificate)
		delete(amazon, certificate.Subject.CommonName)
	}
	text := content.Mozilla()
	got := x509.NewCertPool()
	if !got.AppendCertsFromPEM(text) || !got.Equal(want) {
		t.Error("the roots are not those of the module that are without a limit")
	}
	if limited == 0 {
		t.Error("the module has no root with a limit any more; the rule for them is untested")
	}
	if len(amazon) > 0 {
		t.Errorf("the module has no %v; check why before the gateway stops trusting AWS", amazon)
	}
	if !bytes.Equal(text, content.Mozilla()) {
		t.Error("a second call gives other bytes")
	}
}

func TestFolderRefuses(t *testing.T) {
	taken := t.TempDir()
	if err := os.WriteFile(filepath.Join(taken, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code := stub(t)
	tests := []struct {
		name  string
		props content.Props
		want  []string
	}{
		{"everything that is wrong", content.Props{Roots: "none.pem"}, []string{"code: is empty", "roots: open none.pem"}},
		{"no program", content.Props{Code: binary.Asset{Dir: taken}}, []string{"code: open " + filepath.Join(taken, binary.Name)}},
		{"an empty bundle", content.Props{Code: code, Roots: save(t, "hello")}, []string{"holds no certificate in PEM"}},
		{"a key", content.Props{Code: code, Roots: save(t, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}, []string{"holds a PRIVATE KEY; only certificates"}},
		{"no certificate inside", content.Props{Code: code, Roots: save(t, authority(t)+"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}, []string{"certificate 2 of"}},
		{"somebody's folder", content.Props{Code: code, Out: taken}, []string{"out: " + taken + " holds secret, which an image must not"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := content.Folder(test.props)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v; want it to contain %q", err, want)
				}
			}
		})
	}
}
