package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	prepare "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/bootstrap"
)

func TestStepsAreDestroyedInTheOppositeOrder(t *testing.T) {
	folder := t.TempDir()
	text := "account: \"123456789012\"\nregions: [us-east-1, us-west-2]\nserverless: {}\naudit: {}\n"
	if err := os.WriteFile(filepath.Join(folder, "two.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, flag := range map[string]string{
		"two-us-west-2/**\ntwo-us-east-1/**\ntwo-global/**\n": "-destroy=false",
		"two-global/**\ntwo-us-east-1/**\ntwo-us-west-2/**\n": "-destroy",
	} {
		got, err := runHere(t, t.Context(), "steps", "-folder", folder, "-environment", "two", flag)
		if err != nil || got != want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", flag, err, got, want)
		}
	}
}

// bootstrapped returns the commands that say cdk, and the policy.
func bootstrapped(t *testing.T, name string) ([]string, string) {
	t.Helper()
	out := t.TempDir()
	got, err := runHere(t, t.Context(), "bootstrap", "-folder", "../../environments", "-delivery", "../../delivery.yaml", "-environment", name, "-out", out)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := os.ReadFile(filepath.Join(out, prepare.PolicyName+".json"))
	if err != nil || !json.Valid(policy) {
		t.Fatalf("the policy is %s, %v", policy, err)
	}
	if !strings.Contains(got, "export AWS_DEFAULT_REGION=\"${AWS_DEFAULT_REGION:-us-east-1}\"\ntest \"$(aws sts get-caller-identity --query Account --output text)\" = ") {
		t.Errorf("the account of the credentials is not compared:\n%s", got)
	}
	var commands []string
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "cdk ") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	return commands, string(policy)
}

func TestBootstrapTrustsThePipelineAndNoAdministrator(t *testing.T) {
	for _, tt := range []struct {
		name, account, trust string
		roles                []string
	}{
		{"prod", "222222222222", " --trust 111111111111", []string{"prod-*"}},
		{"dev", "111111111111", "", []string{"delivery-*", "dev-*"}},
	} {
		commands, policy := bootstrapped(t, tt.name)
		var want []string
		for _, region := range []string{"us-east-1", "us-west-2"} { // dev's too, for the pipeline's artifacts
			want = append(want, "cdk --app '' bootstrap aws://"+tt.account+"/"+region+tt.trust+
				" --cloudformation-execution-policies arn:aws:iam::"+tt.account+":policy/genai-pipeline-deploy --termination-protection")
		}
		if diff := cmp.Diff(want, commands); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		for _, role := range tt.roles {
			if !strings.Contains(policy, `"arn:aws:iam::`+tt.account+":role/"+role+`"`) {
				t.Errorf("%s: the policy does not allow roles %s", tt.name, role)
			}
		}
		var document struct {
			Statement []struct {
				Action, Resource any
			}
		}
		if err := json.Unmarshal([]byte(policy), &document); err != nil {
			t.Fatal(err)
		}
		for _, s := range document.Statement {
			if text := fmt.Sprint(s.Action); strings.Contains(text, "iam:") == (fmt.Sprint(s.Resource) == "*") || strings.Contains(text, "iam:*") || text == "*" {
				t.Errorf("%s: %v is allowed on %v", tt.name, s.Action, s.Resource)
			}
		}
	}
}

// nobody runs a command of the CDK's as it is printed, with the real command line, where nobody answers for AWS.
func nobody(t *testing.T, command string) (string, error) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "node_modules", ".bin")
	if _, err := os.Stat(filepath.Join(root, "node_modules", ".installed")); err != nil {
		t.Skip("the CDK command line is not installed; make test installs it")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = root
	cmd.Env = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "CDK_HOME=" + t.TempDir(), "CI=true", "CDK_DISABLE_CLI_TELEMETRY=true",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=111111111111", "AWS_SECRET_ACCESS_KEY=none", "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true"}
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// TestBootstrapNeedsNoAppOfOurs runs the printed command: it must get as far as to call somebody.
func TestBootstrapNeedsNoAppOfOurs(t *testing.T) {
	commands, _ := bootstrapped(t, "dev")
	said, err := nobody(t, commands[0])
	if err == nil || !strings.Contains(said, "Need to perform AWS calls for account 111111111111") {
		t.Errorf("%v; want it to call AWS:\n%s", err, said)
	}
}

// TestTheCollectionOfOldAssetsNeedsNoAppOfOurs is the same for the command in the documentation.
func TestTheCollectionOfOldAssetsNeedsNoAppOfOurs(t *testing.T) {
	text, err := os.ReadFile("../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^node_modules/.bin/cdk .*gc .* aws://ACCOUNT/REGION$`).FindAllString(string(text), -1)
	if len(found) != 1 {
		t.Fatalf("docs/delivery.md has %q", found)
	}
	said, err := nobody(t, strings.Replace(found[0], "ACCOUNT/REGION", "111111111111/us-east-1", 1))
	if err == nil || !strings.Contains(said, "Need to perform AWS calls for account 111111111111") {
		t.Errorf("%v; want it to call AWS:\n%s", err, said)
	}
}

// bucketStore is S3 as far as emptying goes: buckets with their stack and the versions in them, 2 a page.
type bucketStore struct {
	mu       sync.Mutex
	stacks   map[string]string
	versions map[string][]string
}

func (s *bucketStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket := strings.Trim(r.URL.Path, "/")
	query := r.URL.Query()
	switch {
	case bucket == "":
		_, _ = io.WriteString(w, "<ListAllMyBucketsResult><Buckets>")
		for name := range s.stacks {
			if strings.HasPrefix(name, query.Get("prefix")) {
				_, _ = fmt.Fprintf(w, "<Bucket><Name>%s</Name></Bucket>", name)
			}
		}
		_, _ = io.WriteString(w, "</Buckets></ListAllMyBucketsResult>")
	case query.Has("tagging") && s.stacks[bucket] == "":
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchTagSet</Code></Error>")
	case query.Has("tagging"):
		_, _ = fmt.Fprintf(w, "<Tagging><TagSet><Tag><Key>aws:cloudformation:stack-name</Key><Value>%s</Value></Tag></TagSet></Tagging>", s.stacks[bucket])
	case query.Has("versions"):
		page := s.versions[bucket]
		page = page[:min(2, len(page))]
		_, _ = fmt.Fprintf(w, "<ListVersionsResult><IsTruncated>%t</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>", len(s.versions[bucket]) > 2)
		for i, version := range page {
			kind := []string{"Version", "DeleteMarker"}[i%2]
			_, _ = fmt.Fprintf(w, "<%s><Key>key</Key><VersionId>%s</VersionId></%[1]s>", kind, version)
		}
		_, _ = io.WriteString(w, "</ListVersionsResult>")
	case query.Has("delete"):
		var asked struct {
			Object []struct{ VersionId string }
		}
		if err := xml.NewDecoder(r.Body).Decode(&asked); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		for _, o := range asked.Object {
			s.versions[bucket] = slices.DeleteFunc(s.versions[bucket], func(v string) bool { return v == o.VersionId })
		}
		_, _ = io.WriteString(w, "<DeleteResult></DeleteResult>")
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func TestOnlyTheEnvironmentsOwnBucketsAreEmptied(t *testing.T) {
	store := &bucketStore{
		stacks: map[string]string{"dev-us-east-1-records": "dev-us-east-1-data", "dev-foreign": "somebody-else", "dev-by-hand": "", "dev-us-east-10-x": "dev-us-east-10-data"},
		versions: map[string][]string{"dev-us-east-1-records": {"1", "2", "3", "4", "5"}, "dev-foreign": {"1"}, "dev-by-hand": {"1"},
			"dev-us-east-10-x": {"1"}},
	}
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	t.Setenv("AWS_S3_USE_ARN_REGION", "false")
	arguments := []string{"empty", "-folder", "../../environments", "-environment", "dev"}
	got, err := runHere(t, t.Context(), arguments...)
	if err != nil || got != "dev-us-east-1-records would be emptied\n" || len(store.versions["dev-us-east-1-records"]) != 5 {
		t.Errorf("unconfirmed: %v, %s, %v are left", err, got, store.versions)
	}
	got, err = runHere(t, t.Context(), append(arguments, "-confirm", "dev")...)
	if err != nil || got != "dev-us-east-1-records: 5 versions deleted\n" {
		t.Errorf("got %v, %s", err, got)
	}
	want := map[string][]string{"dev-us-east-1-records": {}, "dev-foreign": {"1"}, "dev-by-hand": {"1"}, "dev-us-east-10-x": {"1"}}
	if diff := cmp.Diff(want, store.versions); diff != "" {
		t.Error(diff)
	}
}
