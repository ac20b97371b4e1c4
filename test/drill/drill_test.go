// Package drill_test rehearses failovers of synthesized environments: of each variant, with a primary and with shared
// callers, in accelerated time. What a caller must not see is what pipeline drill itself says is worse than computed.
//
// It must not know CDK: the app is run as a program, and what it wrote is read.
package drill_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/drill"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/synthesis"
)

// pair is an environment of two Regions whose answers are short, so that a drill is.
const pair = `account: "123456789012"
regions: [us-east-1, us-west-2]
failover: {mode: MODE}
models:
  away: {targets: [{model: us.anthropic.claude-haiku-5-5, region: us-west-2}]}
  here: {targets: [{model: global.anthropic.claude-haiku-5-5}]}
auth: {mode: keys}
archive: {interval: 1s}
gateway: {streamBudget: 150s, firstByte: 40s, pingInterval: 1s}
network: {zones: {us-east-1: [us-east-1a, us-east-1b], us-west-2: [us-west-2a, us-west-2b]}, nat: true, prefixLists: {us-east-1: {route53: pl-00000001}, us-west-2: {route53: pl-00000002}}}
edge:
  certificates: {us-east-1: "arn:aws:acm:us-east-1:123456789012:certificate/0", us-west-2: "arn:aws:acm:us-west-2:123456789012:certificate/0"}
  callers: [192.0.2.0/24]
  internetFacing: true
  hostedZone: Z0123456789ABCDEFGHIJ
serverless: {api: {authorizer: none, domain: lambda.example.com}}
containers: {domain: containers.example.com}
instances: {domain: instances.example.com}
`

// The Regions of both.
var regions = []string{"us-east-1", "us-west-2"}

// The modes, by the name of the environment.
var modes = map[string]string{"passive": "active-passive", "active": "active-active"}

var built struct{ root, dir, assembly string }

func TestMain(m *testing.M) { os.Exit(synthesis.Prepared(m, "drill", prepare)) }

// prepare synthesizes both environments, and builds the programs once for all drills.
func prepare(dir string) (err error) {
	if built.root, err = filepath.Abs("../.."); err != nil {
		return err
	}
	built.dir = dir
	var files []string
	for name, mode := range modes {
		file := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(pair, "MODE", mode, 1)), 0o600); err != nil {
			return err
		}
		files = append(files, file)
	}
	read, err := synthesis.Only(built.root, dir, files...)
	if err != nil {
		return err
	}
	built.assembly = read.Dir
	for _, program := range []string{"server", "lambda"} {
		if err := synthesis.Build(built.root, "./runtime/cmd/"+program, filepath.Join(dir, program)); err != nil {
			return err
		}
	}
	return nil
}

// assemblyOf is an assembly with nothing but the stages of an environment.
func assemblyOf(t *testing.T, name string) string {
	t.Helper()
	var all struct {
		Artifacts map[string]struct {
			Type       string         `json:"type"`
			Properties map[string]any `json:"properties"`
		} `json:"artifacts"`
	}
	text, err := os.ReadFile(filepath.Join(built.assembly, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	for id, a := range all.Artifacts {
		folder, _ := a.Properties["directoryName"].(string)
		if !strings.HasPrefix(folder, "assembly-"+name+"-") {
			delete(all.Artifacts, id)
			continue
		}
		a.Properties["directoryName"] = filepath.Join("..", filepath.Base(built.assembly), folder)
	}
	dir := filepath.Join(filepath.Dir(built.assembly), name)
	if text, err = json.Marshal(all); err == nil {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// prebuilt links the program that prepare has built.
func prebuilt(_ context.Context, _, program, output string) error {
	_ = os.Remove(output)
	return os.Link(filepath.Join(built.dir, filepath.Base(program)), output)
}

// run is one drill, and what came of it.
type run struct {
	environment, variant string
	fault                drill.Fault
	region               string   // to hit; empty: as it comes
	want                 []string // the Regions that are hit
	report               *drill.Report
	err                  error
}

func (r *run) String() string {
	return strings.Join([]string{r.environment, r.variant, string(r.fault), r.region}, "/")
}

// runs are the drills: each fault of each variant in each mode, alone so that all can go on at one time.
func runs() []*run {
	var all []*run
	for _, variant := range []string{settings.VariantServerless, settings.VariantContainers, settings.VariantInstances} {
		for _, fault := range drill.Faults() {
			// A function's process that waits for Bedrock answers nobody else, and the others, who tell the health checkers, have
			// heard of nothing: see "Two Regions" in docs/environments.md.
			if fault == drill.Mute && variant == settings.VariantServerless {
				continue
			}
			all = append(all, &run{environment: "passive", variant: variant, fault: fault, want: regions[:1]})
			switch fault {
			case drill.Both:
				all = append(all, &run{environment: "active", variant: variant, fault: fault, want: regions[:1]})
				continue
			case drill.Kill: // which is soon over
				all = append(all, &run{environment: "active", variant: variant, fault: fault, want: regions})
				continue
			}
			for i, region := range regions {
				all = append(all, &run{environment: "active", variant: variant, fault: fault, region: region, want: regions[i : i+1]})
			}
		}
	}
	return all
}

// speed is as much as leaves the programs and this machine, if it is busy, the time for their work: what takes a caller a second
// of the drill's is 100 ms here.
const speed = 10

// callers are few, save where a program learns of a fault only by streams that end after a while, of which there must be five
// in a minute: each caller streams every other time, and where both Regions have callers, chance leads them.
func (r *run) callers() (n int, pause time.Duration) {
	if r.fault == drill.Mute {
		return 30, 8 * time.Second
	}
	return 4, 2 * time.Second
}

// Every bound is the drill's own: what Problems compares with what is computed from the templates.
func TestEveryFaultIsSurvived(t *testing.T) {
	all := runs()
	assemblies := map[string]string{}
	for name := range modes {
		assemblies[name] = assemblyOf(t, name)
	}
	var running sync.WaitGroup
	for i, r := range all {
		running.Go(func() {
			callers, pause := r.callers()
			r.report, r.err = drill.Run(t.Context(), drill.Options{Root: built.root, Work: filepath.Join(built.dir, "work", fmt.Sprint(i)), Assembly: assemblies[r.environment],
				Variant: r.variant, Alias: "here", Faults: []drill.Fault{r.fault}, Region: r.region, Build: prebuilt, Callers: callers, Pause: pause, Lag: 10 * time.Second, Speed: speed}, io.Discard)
		})
	}
	running.Wait()
	for _, r := range all {
		t.Run(r.String(), func(t *testing.T) { r.check(t) })
	}
}

func (r *run) check(t *testing.T) {
	if r.err != nil {
		t.Fatal(r.err)
	}
	// 1 min + 40 s + 30 s + 18 s + 1 min + 1 min, and twice what the budget of 150 s leads to.
	promised := 578 * time.Second
	if r.variant == settings.VariantServerless {
		promised = 588 * time.Second
	}
	if rto := r.report.Plan.RTO(); rto != promised {
		t.Errorf("the RTO is %s, want %s", rto, promised)
	}
	if (r.report.Loss == nil) != (r.variant == settings.VariantServerless) {
		t.Errorf("the RPO is %v; servers keep records, functions do not", r.report.Loss)
	}
	for _, problem := range r.report.Problems() {
		t.Error(problem)
	}
	var hit []string
	for _, result := range r.report.Results {
		hit = append(hit, result.Region)
		checkResult(t, r, result)
	}
	if !slices.Equal(hit, r.want) {
		t.Errorf("it hit %v, want %v", hit, r.want)
	}
	if t.Failed() {
		var out strings.Builder
		_ = r.report.Write(&out)
		t.Log(out.String())
	}
}

// checkResult holds what a fault did against what the fault is.
func checkResult(t *testing.T, r *run, got drill.Result) {
	t.Helper()
	if got.Detected <= 0 || got.Back <= 0 {
		t.Errorf("it was found after %s, and over after %s", got.Detected, got.Back)
	}
	if got.Fault == drill.Both {
		return // there was no other Region to go to
	}
	// Where both Regions have callers, chance can lead all of so few to the other.
	if got.Failed == 0 && r.environment == "passive" || got.Failed >= got.Requests {
		t.Errorf("%d of %d requests failed; a fault fails some of them", got.Failed, got.Requests)
	}
	// Nobody learns of the other Region before Route 53 does, who has not known it all along.
	if r.environment == "passive" && (got.First <= got.Detected || got.Last < got.First) {
		t.Errorf("found after %s, the first answer came after %s and the last after %s", got.Detected, got.First, got.Last)
	}
	// Of a function, some processes have heard of nothing.
	if (got.Fault == drill.Throttle || got.Fault == drill.Mute) && r.variant != settings.VariantServerless && !got.Held {
		t.Error("the Region was healthy again, and nobody had asked it")
	}
	// Nothing but the first byte's deadline ends a silent stream before the budget of 150 s does.
	if got.Fault == drill.Mute && (got.GaveUp == 0 || got.GaveUp >= 100*time.Second) {
		t.Errorf("streams that heard nothing failed after %s at the soonest; they are given up after 40s", got.GaveUp)
	}
	if got.Fault != drill.Kill && got.Lost > 0 {
		t.Errorf("%d records are nowhere; only a program that is killed loses some", got.Lost)
	}
	if got.Lost > got.Uncopied {
		t.Errorf("%d records are lost, %d were not copied", got.Lost, got.Uncopied)
	}
}
