package registry_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	inprocess "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/registry"
)

// serve runs a registry and counts what is written to it. With a password it lets nobody else in.
func serve(t *testing.T, password string) (host string, writes *atomic.Int64) {
	t.Helper()
	writes = new(atomic.Int64)
	handler := inprocess.New(inprocess.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, got, _ := r.BasicAuth(); got != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writes.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), writes
}

func newImage(t *testing.T) (v1.Image, v1.Hash) {
	t.Helper()
	image, err := random.Image(100, 2)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return image, digest
}

func TestPushedImageIsFoundByItsDigest(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	image, digest := newImage(t)
	for _, test := range []struct{ reference, tag string }{{"/team/gateway", ":" + digest.Hex}, {"/team/gateway:v1", ":v1"}} {
		t.Run(test.tag, func(t *testing.T) {
			host, writes := serve(t, "")
			got, err := registry.Push(t.Context(), host+test.reference, image, registry.Keychain())
			want := registry.Pushed{Tag: host + "/team/gateway" + test.tag, Digest: digest.String()}
			if err != nil || got != want {
				t.Fatalf("got %+v, %v; want %+v", got, err, want)
			}
			for _, reference := range []string{got.Tag, host + "/team/gateway@" + got.Digest} {
				parsed, err := name.ParseReference(reference)
				if err != nil {
					t.Fatal(err)
				}
				if there, err := remote.Head(parsed); err != nil || there.Digest != digest {
					t.Errorf("%s is %v, %v", reference, there, err)
				}
			}
			sent := writes.Load()
			want.Existed = true
			if got, err := registry.Push(t.Context(), host+test.reference, image, registry.Keychain()); err != nil || got != want {
				t.Errorf("again: got %+v, %v; want %+v", got, err, want)
			}
			if writes.Load() != sent {
				t.Errorf("again: %d writes, want none", writes.Load()-sent)
			}
		})
	}
}

func TestPushSignsInAsDockerDid(t *testing.T) {
	host, _ := serve(t, "the-password")
	image, _ := newImage(t)
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	if _, err := registry.Push(t.Context(), host+"/gateway", image, registry.Keychain()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without a login: got %v", err)
	}
	login := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("somebody:the-password")))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(login), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Push(t.Context(), host+"/gateway", image, registry.Keychain()); err != nil {
		t.Errorf("with a login: %v", err)
	}
}

func TestPushRefuses(t *testing.T) {
	image, _ := newImage(t)
	for _, reference := range []string{"", "gateway", "team/gateway", "localhost:1/", "localhost:1/UPPER", "localhost:1/gateway@sha256:" + strings.Repeat("a", 64)} {
		if _, err := registry.Push(t.Context(), reference, image, registry.Keychain()); err == nil || !strings.Contains(err.Error(), "is not REGISTRY/REPOSITORY") {
			t.Errorf("%q: got %v", reference, err)
		}
	}
}

// TestKeychainAsksECROfTheRegistrysRegion speaks ECR's protocol to a stand-in.
func TestKeychainAsksECROfTheRegistrysRegion(t *testing.T) {
	var asked, signed, answer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, signed = r.Header.Get("X-Amz-Target"), r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_ECR", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	t.Setenv("AWS_REGION", "sa-east-1")
	data := func(token string) string {
		return fmt.Sprintf(`{"authorizationData":[{"authorizationToken":%q}]}`, token)
	}
	tests := []struct{ name, host, region, answer, problem string }{
		{"private", "111122223333.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1", data("QVdTOnBhc3M6d29yZA=="), ""},
		{"China", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", data("QVdTOnBhc3M6d29yZA=="), ""},
		{"dual-stack, FIPS", "111122223333.dkr-ecr-fips.us-east-2.on.aws", "us-east-2", data("QVdTOnBhc3M6d29yZA=="), ""},
		{"no token", "111122223333.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1", `{}`, "without a token"},
		{"not in base64", "111122223333.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1", data("%"), "not in base64"},
		{"no password", "111122223333.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1", data("QVdT"), "not a name and a password"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked, signed, answer = "", "", test.answer
			repository, err := name.NewRepository(test.host + "/gateway")
			if err != nil {
				t.Fatal(err)
			}
			auth, err := authn.Resolve(t.Context(), registry.Keychain(), repository)
			if asked != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" || !strings.Contains(signed, "/"+test.region+"/ecr/") {
				t.Errorf("ECR was asked for %q with %q", asked, signed)
			}
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), "sign in to "+test.host) || !strings.Contains(err.Error(), test.problem) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := authn.Authorization(t.Context(), auth)
			if err != nil || got.Username != "AWS" || got.Password != "pass:word" {
				t.Errorf("signs in as %q, %v", got.Username, err)
			}
		})
	}
}

func TestKeychainAsksECRForNobodyElse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("ECR was asked") }))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_ECR", server.URL)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	for _, host := range []string{"111122223333.dkr.ecr.eu-central-1.amazonaws.com.example.com", "example.com", "public.ecr.aws", "x111122223333.dkr.ecr.eu-central-1.amazonaws.com"} {
		repository, err := name.NewRepository(host + "/gateway")
		if err != nil {
			t.Fatal(err)
		}
		if auth, err := authn.Resolve(t.Context(), registry.Keychain(), repository); err != nil || auth != authn.Anonymous {
			t.Errorf("%s: got %v, %v", host, auth, err)
		}
	}
}
