package conformance_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
)

// delivered is an environment whose three variants ask for API keys; callers come from anywhere, but for a change of edge.
const delivered = `account: "111111111111"
regions: [us-east-1]
network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}
auth: {mode: keys}
serverless: {api: {authorizer: none}}
containers: {domain: containers.example.com}
instances: {domain: instances.example.com}
edge:
  certificates: {us-east-1: "arn:aws:acm:us-east-1:111111111111:certificate/1"}
`

const (
	publicEdge  = "  internetFacing: true\n  callers: [0.0.0.0/0]\n  openReason: callers of every customer show API keys here\n"
	privateEdge = "  callers: [10.0.0.0/8]\n"
)

// step is a checkout in which .ci/ask finds, instead of an account, the variants that run here: stand-ins for the AWS
// command line, which knows stacks and a secret, and for go, which runs what is built already.
type step struct {
	t       *testing.T
	dir     string
	standIn string // a folder
}

func newStep(t *testing.T) step {
	t.Helper()
	s := step{t, t.TempDir(), t.TempDir()}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pipeline := filepath.Join(s.standIn, "pipeline")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", pipeline, "./cmd/pipeline") // as other tests build it, and so mostly cached
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	script, err := os.ReadFile(filepath.Join(root, ".ci", "ask"))
	if err != nil {
		t.Fatal(err)
	}
	suite, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(s.dir, ".ci", "ask"), string(script))
	s.write(filepath.Join(s.standIn, "go"), "#!/bin/sh\ncase $1 in\nrun) shift 2; exec "+pipeline+" \"$@\" ;;\ntest) exec "+suite+" -test.v ;;\nesac\nexit 9\n")
	s.write(filepath.Join(s.standIn, "aws"), `#!/bin/sh
case $1.$2 in
cloudformation.describe-stacks) eval "echo \$STACK_${4##*-}" ;;
secretsmanager.get-secret-value) [ "$4" = suite-key ] && echo "$KEPT" ;;
*) exit 9 ;;
esac
`)
	return s
}

func (s step) write(path, text string) {
	s.t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o755)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// run runs a command of a delivery, after which dev is what the edge makes it.
func (s step) run(edge, command string, environment ...string) (string, int) {
	s.t.Helper()
	s.write(filepath.Join(s.dir, "environments", "dev.yaml"), delivered+edge)
	cmd := exec.CommandContext(s.t.Context(), "bash", "-e", "-c", command)
	cmd.Dir = s.dir
	cmd.Env = append(append(os.Environ(), "PATH="+s.standIn+":"+os.Getenv("PATH")), environment...)
	said, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	return string(said), cmd.ProcessState.ExitCode()
}

// theWorkflowsCommand is the one of .github that asks. (test/synth holds the pipeline to the same, with a Region.)
func theWorkflowsCommand(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../.github/workflows/deploy.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`- run: (\.ci/ask .*)`).FindAllStringSubmatch(string(text), -1)
	if len(found) != 1 {
		t.Fatalf("deploy.yml asks by %q", found)
	}
	return found[0][1]
}

// TestADeliveryAsksWhatItDeployed runs the commands of both deliveries as they stand. Each variant runs here and is reached
// by HTTPS; what is said, and whom Bedrock heard of, tells whether it was asked.
func TestADeliveryAsksWhatItDeployed(t *testing.T) {
	s := newStep(t)
	key, hash := auth.NewKey()
	running := map[string]*deployment{}
	var stacks, urls []string
	var trust string
	for _, v := range variants() {
		d := v.start(t, withKeys(newVault(t, `{"tenants":{"suite":{"keys":["`+hash+`"]}}}`)))
		front := newFrontByTLS(t, d.url)
		running[v.name], trust = d, "SSL_CERT_FILE="+certificate(t, front)
		stacks = append(stacks, fmt.Sprintf("STACK_%s=%s/", v.name, front.URL))
		urls = append(urls, fmt.Sprintf("URL_%s=%s/", strings.ToUpper(v.name), front.URL))
	}
	broken := newFrontByTLS(t, "http://127.0.0.1:1").URL
	fromGitHub, fromPipeline := theWorkflowsCommand(t), ".ci/ask dev us-east-1"
	inAccount := slices.Concat(stacks, []string{"KEY_SECRET=suite-key", "KEPT=" + key, "GITHUB_ACTIONS=true"})
	given := slices.Concat(urls, []string{deployedKey + "=" + key})
	with := func(environment []string, more string) []string { return slices.Concat(environment, []string{more}) }
	for _, tt := range []struct {
		name, edge, command string
		environment         []string
		status              int
		asked               []string
		want                []string // said
	}{
		{"GitHub", publicEdge, fromGitHub, inAccount, 0, []string{"serverless", "containers", "instances"},
			[]string{"::add-mask::" + key, "ask: 3 endpoints of dev were asked, 0 failed\n"}},
		{"the pipeline", publicEdge, fromPipeline, given, 0, []string{"serverless", "containers", "instances"}, []string{"ask: 3 endpoints of dev were asked, 0 failed\n"}},
		{"GitHub and private balancers", privateEdge, fromGitHub, inAccount, 0, []string{"serverless"}, []string{
			"ask: NOT ASKED: containers in us-east-1: its balancer has private addresses alone (edge.internetFacing)\n",
			"::warning title=instances in us-east-1 was not asked::its balancer has private addresses alone (edge.internetFacing)\n", "ask: 1 endpoints of dev were asked, 0 failed\n"}},
		{"the pipeline and private balancers", privateEdge, fromPipeline, given, 0, []string{"serverless"}, []string{"ask: NOT ASKED: containers in us-east-1: ", "ask: NOT ASKED: instances in us-east-1: "}},
		{"containers do not answer", publicEdge, fromPipeline, with(given, "URL_CONTAINERS="+broken), 1, []string{"serverless", "instances"}, []string{"ask: 3 endpoints of dev were asked, 1 failed\n"}},
		{"a key of nobody", publicEdge, fromPipeline, with(given, deployedKey+"="+auth.KeyPrefix+"nobody"), 1, nil, []string{"ask: 3 endpoints of dev were asked, 3 failed\n"}},
		{"no key", publicEdge, fromGitHub, with(stacks, "KEY_SECRET="), 1, nil, []string{"ask: callers show an API key: put one into GENAI_CONFORMANCE_KEY, or name its secret in KEY_SECRET\n"}},
		{"no stack", publicEdge, fromGitHub, with(inAccount, "STACK_instances=None"), 1, []string{"serverless", "containers"}, []string{"ask: stack dev-us-east-1-instances in us-east-1 has no output Url: got 'None'\n"}},
		{"no environment", publicEdge, ".ci/ask", given, 1, nil, []string{"ask: which environment? .ci/ask ENVIRONMENT [REGION]\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := map[string]int{}
			for name, d := range running {
				before[name] = len(d.bedrock.Calls())
			}
			said, status := s.run(tt.edge, tt.command, slices.Concat(tt.environment, []string{trust, "SSL_CERT_DIR=" + t.TempDir()})...)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			for name, d := range running {
				if asked := len(d.bedrock.Calls()) > before[name]; asked != slices.Contains(tt.asked, name) {
					t.Errorf("%s was asked: %t", name, asked)
				}
			}
			if masked := strings.ReplaceAll(said, "::add-mask::"+key+"\n", ""); strings.Contains(masked, key) {
				t.Error("the key is in what it says")
			}
			if t.Failed() {
				t.Log(said)
			}
		})
	}
}
