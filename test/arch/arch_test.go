// Package arch holds the rules of the repository as tests, each with the reason for it. A rule that stands only in a
// document is broken within a month.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/genai-pipeline/genai-pipeline"
)

// everything is all packages of ours. "./..." would take in the Go templates that npm packages under node_modules carry.
var everything = []string{".", "./cmd/...", "./constructs/...", "./runtime/...", "./stacks/...", "./test/..."}

// pkg is what the go command knows of a package.
type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	Doc        string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

// list asks the go command about packages, and with deps about all that they link too.
func list(t *testing.T, deps bool, patterns ...string) []pkg {
	t.Helper()
	args := []string{"list", "-json=ImportPath,Name,Dir,Doc,Standard,Imports,Module"}
	if deps {
		args = append(args, "-deps")
	}
	command := exec.Command("go", append(args, patterns...)...)
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", patterns, err, &stderr)
	}
	var packages []pkg
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// inside returns the part of an import path after the module's, and whether it is of this module at all.
func inside(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// under tells whether a path is the folder or in it.
func under(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// contracts are the packages of runtime that templates and programs share.
var contracts = []string{"runtime/catalog", "runtime/endpoint", "runtime/inference", "runtime/metric", "runtime/settings"}

// directions says what of this module each folder may import. The first folder that a package is under counts.
var directions = []struct {
	from string
	may  []string
	why  string
}{
	{"runtime/inference", nil, "the domain knows no adapter"},
	{"runtime/settings", nil, "a contract of two sides knows neither"},
	{"runtime/metric", nil, "a contract of two sides knows neither"},
	{"runtime/endpoint", nil, "a contract of two sides knows neither"},
	{"runtime/catalog", []string{"runtime/inference", "runtime/jsonread"}, "it reads its list, prices the domain's usage, and knows neither side of the contract"},
	{"runtime", []string{"runtime"}, "programs do not know how they are deployed"},
	{"constructs/failover/recovery", contracts, "the operator's command and the environments compute with it, without CDK"},
	{"stacks/environment", append([]string{"constructs/edge/budget", "constructs/failover/recovery", "constructs/tag"}, contracts...), "the operator's command reads environments without CDK"},
	{"constructs", append([]string{"constructs"}, contracts...), "a platform team uses constructs without our stacks and programs"},
	{"stacks", append([]string{"stacks", "constructs"}, contracts...), "stacks only wire constructs"},
	{"cmd", []string{"cmd", "runtime", "stacks/environment", "constructs/binary", "constructs/edge/budget", "constructs/failover/recovery", "constructs/image/content", "constructs/image/oci", "constructs/price"},
		"the operator's command never starts jsii"},
	{".", []string{"stacks", "constructs/binary"}, "the app reads, builds and synthesizes; nothing else"},
}

func TestDependenciesRunOneWay(t *testing.T) {
	for _, p := range list(t, false, everything...) {
		from, _ := inside(p.ImportPath)
		for _, d := range directions {
			if !under(from, d.from) {
				continue
			}
			for _, path := range p.Imports {
				to, ours := inside(path)
				if ours && !slices.ContainsFunc(d.may, func(folder string) bool { return under(to, folder) }) {
					t.Errorf("%s imports %s; allowed are %v: %s", from, to, d.may, d.why)
				}
			}
			break
		}
	}
}

func TestOnlyConstructsStacksAndAppLinkCDK(t *testing.T) {
	const why = "merely linking CDK adds megabytes to a binary and unpacks files at every start"
	for _, pattern := range []string{"./runtime/...", "./stacks/environment/...", "./constructs/failover/recovery", "./cmd/..."} {
		for _, p := range list(t, true, pattern) {
			for _, forbidden := range []string{"github.com/aws/jsii-runtime-go", "github.com/aws/aws-cdk-go", "github.com/aws/constructs-go", "github.com/cdklabs"} {
				if under(p.ImportPath, forbidden) {
					t.Errorf("%s links %s: %s", pattern, p.ImportPath, why)
				}
			}
		}
	}
}

func TestTheDomainNeedsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range list(t, true, "./runtime/inference") {
		if _, ours := inside(p.ImportPath); !ours && !p.Standard {
			t.Errorf("runtime/inference links %s: the domain must outlive every library", p.ImportPath)
		}
	}
}

// linked is the budget: the modules in the Lambda program. Each costs start time, size and upkeep; whoever adds one
// says here why it is worth that.
var linked = map[string]string{
	module:                                   "ourselves",
	"github.com/aws/aws-lambda-go":           "the Lambda runtime API, with streamed answers",
	"github.com/aws/aws-sdk-go-v2":           "the SDK's core: signing, endpoints, HTTP",
	"github.com/coreos/go-oidc/v3":           "checks tokens of callers: what one must not write oneself",
	"github.com/go-jose/go-jose/v4":          "needed by go-oidc: signatures of tokens",
	"golang.org/x/oauth2":                    "needed by go-oidc",
	"github.com/aws/smithy-go":               "what the SDK is generated on",
	sdk + "aws/protocol/eventstream":         "frames of streamed answers",
	sdk + "config":                           "credentials and Region as every AWS tool finds them",
	sdk + "credentials":                      "needed by config",
	sdk + "feature/ec2/imds":                 "needed by config: credentials on instances",
	sdk + "internal/configsources":           "needed by the SDK's core",
	sdk + "internal/endpoints/v2":            "needed by the SDK's core",
	sdk + "internal/v4a":                     "needed by config: signing for several Regions",
	sdk + "service/bedrockruntime":           "what the program is about",
	sdk + "service/secretsmanager":           "the hashes of API keys, and their rotation without a deployment",
	sdk + "service/internal/accept-encoding": "needed by sts",
	sdk + "service/internal/presigned-url":   "needed by sts",
	sdk + "service/signin":                   "needed by config: console sign-in of a developer",
	sdk + "service/sso":                      "needed by config: single sign-on of a developer",
	sdk + "service/ssooidc":                  "needed by config: single sign-on of a developer",
	sdk + "service/sts":                      "needed by config: assumed roles",
}

const sdk = "github.com/aws/aws-sdk-go-v2/"

func TestTheLambdaProgramKeepsToItsBudgetOfModules(t *testing.T) {
	used := map[string]bool{}
	for _, p := range list(t, true, "./runtime/cmd/lambda") {
		if p.Standard {
			continue
		}
		used[p.Module.Path] = true
		if _, ok := linked[p.Module.Path]; !ok {
			t.Errorf("%s links module %s, which is not in the budget", p.ImportPath, p.Module.Path)
		}
	}
	for path := range linked {
		if !used[path] {
			t.Errorf("module %s is in the budget and not linked any more: take it out", path)
		}
	}
}

// tracing are the modules that only the traced programs link.
const tracing = "go.opentelemetry.io/otel"

func TestOnlyTracedProgramsLinkOpenTelemetry(t *testing.T) {
	const why = "it costs every start a third more (docs/adr/0014-tracing.md)"
	for program, may := range map[string]bool{"lambda": false, "server": false, "tracedlambda": true, "tracedserver": true} {
		links := false
		for _, p := range list(t, true, "./runtime/cmd/"+program) {
			links = links || under(p.ImportPath, tracing)
		}
		if links != may {
			t.Errorf("runtime/cmd/%s links OpenTelemetry: %t, want %t; %s", program, links, may, why)
		}
	}
}

func TestNoProgramCarriesTheEmbeddedBedrock(t *testing.T) {
	for _, p := range list(t, true, "./runtime/cmd/...") {
		if from, ours := inside(p.ImportPath); ours && strings.HasSuffix(from, "test") {
			t.Errorf("a deployed program links %s, which is for tests and the local run", from)
		}
	}
}
