package drill_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/drill"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// object is a piece of a template.
type object = map[string]any

// regionOf is the template of a Region: what the drill reads of one that CDK synthesizes.
func regionOf(region, role, program string) object {
	aliases := `[{"name":"away","targets":[{"model":"us.anthropic.claude-haiku-5-5","region":"eu-west-1"}],"defaultMaxTokens":500,"maxTokens":1000},` +
		`{"name":"here","targets":[{"model":"global.anthropic.claude-haiku-5-5","region":"` + region + `"}],"defaultMaxTokens":500,"maxTokens":1000}]`
	variables := object{
		"GENAI_LISTEN": ":8080", "GENAI_ENVIRONMENT": "test", "GENAI_VARIANT": "containers", "GENAI_ALIASES": aliases,
		"GENAI_AUTH": "keys", "GENAI_AUTH_SECRET": "test-keys", "GENAI_REQUEST_TIMEOUT": "45s",
		"GENAI_ARCHIVE_BUCKET": object{"Ref": "Records"}, "GENAI_ARCHIVE_INTERVAL": "1s",
	}
	var listed []any
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		listed = append(listed, object{"Name": name, "Value": variables[name]})
	}
	balancer := func(attribute string) object { return object{"Fn::GetAtt": []any{"Balancer", attribute}} }
	return object{"Resources": object{
		"Task": object{"Type": "AWS::ECS::TaskDefinition", "Metadata": object{settings.BinaryMetadata: program},
			"Properties": object{"ContainerDefinitions": []any{object{"Environment": listed, "PortMappings": []any{object{"ContainerPort": 8080}}}}}},
		"Records": object{"Type": "AWS::S3::Bucket", "Properties": object{"ReplicationConfiguration": object{"Role": "arn"}}},
		"Balancer": object{"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": object{"LoadBalancerAttributes": []any{
			object{"Key": "idle_timeout.timeout_seconds", "Value": "50"}, object{"Key": "client_keep_alive.seconds", "Value": "60"},
		}}},
		"Record": object{"Type": "AWS::Route53::RecordSet", "Properties": object{
			"Name": "gateway.example.com", "Type": "A", "SetIdentifier": region, "Failover": role, "HealthCheckId": object{"Ref": "Check"},
			"AliasTarget": object{"DNSName": balancer("DNSName"), "HostedZoneId": balancer("CanonicalHostedZoneID")},
		}},
		"Check": object{"Type": "AWS::Route53::HealthCheck", "Properties": object{"HealthCheckConfig": object{
			"Type": "HTTPS", "FullyQualifiedDomainName": region + ".gateway.example.com", "ResourcePath": "/healthz", "RequestInterval": 10, "FailureThreshold": 3,
		}}},
	}}
}

const server = "./runtime/cmd/server"

// save writes an assembly with a stack for each Region.
func save(t *testing.T, templates map[string]object) string {
	t.Helper()
	dir := t.TempDir()
	artifacts := object{}
	for region, template := range templates {
		artifacts["test-"+region] = object{"type": "aws:cloudformation:stack", "displayName": "test-" + region + "/containers",
			"environment": "aws://000000000000/" + region, "properties": object{"templateFile": region + ".json"}}
		write(t, filepath.Join(dir, region+".json"), template)
	}
	write(t, filepath.Join(dir, "manifest.json"), object{"artifacts": artifacts})
	return dir
}

func write(t *testing.T, path string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func pair() map[string]object {
	return map[string]object{"us-east-1": regionOf("us-east-1", "PRIMARY", server), "us-west-2": regionOf("us-west-2", "SECONDARY", server)}
}

// options are those of a drill that is over soon.
func options(t *testing.T, templates map[string]object, faults ...drill.Fault) drill.Options {
	return drill.Options{Root: "../../..", Work: t.TempDir(), Assembly: save(t, templates), Variant: "containers", Faults: faults,
		Callers: 6, Pause: 2 * time.Second, Lag: 30 * time.Second, Speed: 10}
}

func TestRefused(t *testing.T) {
	change := func(path []string, value any) map[string]object {
		templates := pair()
		at := templates["us-east-1"]["Resources"].(object)
		for _, key := range path[:len(path)-1] {
			at = at[key].(object)
		}
		if at[path[len(path)-1]] = value; value == nil {
			delete(at, path[len(path)-1])
		}
		return templates
	}
	alone := pair()
	delete(alone, "us-west-2")
	tests := []struct {
		name      string
		templates map[string]object
		change    func(*drill.Options)
		want      string
	}{
		{"one Region", alone, nil, "the stacks */containers have 1 records that fail over; a drill wants two of one name"},
		{"another name", change([]string{"Record", "Properties", "Name"}, "other.example.com"), nil, "a drill wants two of one name"},
		{"two primaries", map[string]object{"us-east-1": regionOf("us-east-1", "PRIMARY", server), "us-west-2": regionOf("us-west-2", "PRIMARY", server)}, nil, "a primary and a secondary"},
		{"no health check", change([]string{"Check"}, nil), nil, "stack test-us-east-1/containers, resource Record: follows no health check of the stack"},
		{"an alarm instead of a question", change([]string{"Check", "Properties", "HealthCheckConfig", "Type"}, "CLOUDWATCH_METRIC"), nil,
			`stack test-us-east-1/containers, resource Check: is of the type "CLOUDWATCH_METRIC"; a drill has checkers that ask`},
		{"no balancer", change([]string{"Balancer"}, nil), nil, "stack test-us-east-1/containers: has 0 load balancers; a drill wants one"},
		{"no keep-alive", change([]string{"Balancer", "Properties"}, object{}), nil, "resource Balancer: must say client_keep_alive.seconds and idle_timeout.timeout_seconds"},
		{"no server", change([]string{"Task"}, nil), nil, "stack test-us-east-1/containers: has 0 servers; a drill runs one"},
		{"no such alias", pair(), func(o *drill.Options) { o.Alias = "other" }, `alias "other": the template has [away here]`},
		{"nothing to do", pair(), func(o *drill.Options) { o.Faults = nil }, "no fault is named; allowed are kill freeze throttle mute partition both"},
		{"no such fault", pair(), func(o *drill.Options) { o.Faults = []drill.Fault{"flood"} }, `fault "flood" is unknown; allowed is a list of kill`},
		{"a Region without callers", pair(), func(o *drill.Options) { o.Region = "us-west-2" }, `the Region to hit is "us-west-2"; allowed are [us-east-1], which have callers`},
		{"no time", pair(), func(o *drill.Options) { o.Speed = 0 }, "the speed is 0; allowed is 1 to 100"},
		{"nobody", pair(), func(o *drill.Options) { o.Callers = 0 }, "there are 0 callers; allowed is 1 to 1000"},
		{"no pause", pair(), func(o *drill.Options) { o.Pause = 0 }, "the pause is 0s; it must be positive"},
		{"a lag of before", pair(), func(o *drill.Options) { o.Lag = -1 }, "the lag is -1ns; it must not be negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t, tt.templates, drill.Kill)
			if tt.change != nil {
				tt.change(&o)
			}
			if _, err := drill.Run(t.Context(), o, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	if got, err := drill.ParseFaults("freeze,both"); err != nil || !slices.Equal(got, []drill.Fault{drill.Freeze, drill.Both}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "kill,", "flood"} {
		if _, err := drill.ParseFaults(text); err == nil || !strings.Contains(err.Error(), "allowed is a list of kill freeze throttle mute partition both") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

var loss = recovery.Records(time.Minute)

// A report says what is worse than computed, and nothing else is wrong with it.
func TestReportOfABadDrill(t *testing.T) {
	report := drill.Report{Name: "gateway.example.com", Primary: "us-east-1", Secondary: "us-west-2", Speed: 1, Callers: 2, Lag: time.Minute}
	report.Plan.KeepAlive, report.Plan.Silence = time.Minute, time.Minute
	report.Loss = &loss
	rto := report.Plan.RTO()
	report.Results = []drill.Result{
		{Fault: drill.Kill, Region: "us-east-1", Detected: 30 * time.Second, First: time.Minute, Last: rto, Requests: 9, Failed: 3, Oldest: loss.Objective, Uncopied: 2, Back: time.Minute, Held: true},
		{Fault: drill.Freeze, Last: rto + 1, Oldest: loss.Objective + 1, Relapsed: 4},
		{Fault: drill.Mute, GaveUp: 25 * time.Second},
		{Fault: drill.Both, FailOpen: "us-west-2"},
	}
	var out strings.Builder
	if err := report.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"us-east-1 fails over to us-west-2; 2 callers, 8 health checkers for each Region, 1 times real time\ncomputed: RTO 5m48s, RPO of usage records 6m0s (here copies lag 1m0s)\n",
		"kill    30s       1m0s          5m48s         3 of 9  0            2, up to 6m0s old  0     1m0s *\n",
		"* after kill, us-east-1 stayed unhealthy until it was asked by its own name",
		"\nmute: streams that heard nothing failed after 25s at the soonest\n",
		"PROBLEM: freeze: all callers were answered after 5m48.000000001s, and the RTO is 5m48s\n",
		"PROBLEM: freeze: 4 requests failed after all callers had been answered\n",
		"PROBLEM: freeze: a record of 6m0.000000001s before was not copied, and the RPO is 6m0s\n",
		`PROBLEM: both: DNS answered with "us-west-2", and must with us-east-1`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, &out)
		}
	}
	if n := len(report.Problems()); n != 4 {
		t.Errorf("it has %d problems: %s", n, fmt.Sprint(report.Problems()))
	}
}

// Where both Regions have callers, a report says which was hit, and none of the two is the one that DNS falls back to.
func TestReportOfASharedDrill(t *testing.T) {
	report := drill.Report{Name: "gateway.example.com", Primary: "us-east-1", Secondary: "us-west-2", Shared: true, Speed: 1, Callers: 2, Results: []drill.Result{
		{Fault: drill.Kill, Region: "us-west-2"}, {Fault: drill.Freeze, Region: "us-east-1", Relapsed: 1}, {Fault: drill.Both, FailOpen: "us-east-1"}}}
	var out strings.Builder
	if err := report.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gateway.example.com: us-east-1 and us-west-2 share the callers; 2 callers", "\nkill us-west-2 ", "\nfreeze us-east-1 ", " -           -     0s\n",
		`PROBLEM: both: DNS answered with "us-east-1", and must with us-east-1 and us-west-2`, "PROBLEM: freeze us-east-1: 1 requests failed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, &out)
		}
	}
	if n := len(report.Problems()); n != 2 {
		t.Errorf("it has %d problems: %s", n, fmt.Sprint(report.Problems()))
	}
}
