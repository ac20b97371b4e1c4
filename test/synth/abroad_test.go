package synth

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// about returns the Region that an alarm tells of; empty for one that is not about the loss of a Region.
func about(s *assembly.Stack, p map[string]any) string {
	dimension := func(name string) any {
		for _, raw := range list(p["Dimensions"]) {
			if at(raw, "Name") == name {
				return at(raw, "Value")
			}
		}
		return nil
	}
	switch {
	case p["MetricName"] == "HealthCheckStatus":
		id, _, _ := assembly.Reference(dimension("HealthCheckId"))
		host, _ := at(s.Resources[id].Properties, "HealthCheckConfig", "FullyQualifiedDomainName").(string)
		region, _, _ := strings.Cut(host, ".")
		return region
	case p["MetricName"] == "ReplicationLatency" && len(list(p["InsufficientDataActions"])) > 0: // S3 is silent when the source is gone
		source := fmt.Sprint(dimension("SourceBucket"))
		return source[len(source)-len("us-east-1"):]
	case strings.HasPrefix(fmt.Sprint(p["AlarmDescription"]), "Callers arrive"):
		return map[string]string{"us-west-2": "us-east-1", "us-east-1": "us-west-2"}[s.Region]
	}
	return ""
}

// What is lost with a Region is also whoever would have said so. So each Region has an alarm about its loss in the other,
// with somebody to tell, in a topic of that other Region.
func TestEveryRegionIsWatchedFromTheOther(t *testing.T) {
	for _, mode := range []string{environment.ActivePassive, environment.ActiveActive} {
		t.Run(mode, func(t *testing.T) {
			e := shipped(t, "prod")
			e.Failover.Mode = mode
			read, err := assembly.Read(synthesize(t, stub(t), e))
			if err != nil {
				t.Fatal(err)
			}
			var quiet []string // the Regions where no request at all is told of
			watched := map[string][]string{}
			for _, s := range read.Stacks {
				for _, r := range s.ByType("AWS::CloudWatch::CompositeAlarm") {
					if r.Properties["AlarmName"] == "prod-"+s.Region+"-quiet" {
						quiet = append(quiet, s.Region)
					}
				}
				for _, r := range s.ByType("AWS::CloudWatch::Alarm") {
					of := about(s, r.Properties)
					if of == "" || of == s.Region {
						continue
					}
					watched[of] = append(watched[of], fmt.Sprint(r.Properties["MetricName"]))
					if told := compact(t, r.Properties["AlarmActions"]); !strings.Contains(told, ":"+s.Region+":") {
						t.Errorf("%s %s tells %s; a topic of the alarm's own Region is there when the other is lost", s.ID, r.LogicalID, told)
					}
				}
			}
			want := map[string][]string{"us-west-2": {"HealthCheckStatus", "ReplicationLatency"}, "us-east-1": {"ReplicationLatency"}}
			if mode == environment.ActivePassive { // with the other, callers are always there
				want["us-east-1"] = append(want["us-east-1"], "Requests")
			}
			slices.Sort(quiet)
			if called := e.Called(); !slices.Equal(quiet, called) {
				t.Errorf("that no request comes is told of in %v; callers go to %v", quiet, called)
			}
			for region, metrics := range want {
				for _, metric := range metrics {
					if !slices.Contains(watched[region], metric) {
						t.Errorf("nothing outside %s watches it by %s; it is watched by %v", region, metric, watched[region])
					}
				}
			}
		})
	}
}

// Every object and every delete marker is copied within the only time that S3 promises, and measured against it; where the
// objects are encrypted with keys, so are the copies.
func TestEveryCopyIsTimedAndMeasured(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	for region, other := range map[string]string{"us-east-1": "us-west-2", "us-west-2": "us-east-1"} {
		p := stackOf(t, out, "prod-"+region, "data").only(t, "AWS::S3::Bucket").Properties
		rule := list(at(p, "ReplicationConfiguration", "Rules"))[0]
		got := fmt.Sprint(at(rule, "Status"), " ", at(rule, "Filter", "Prefix") == "", " ", at(rule, "Destination", "Bucket"), " ",
			at(rule, "Destination", "ReplicationTime", "Status"), " ", at(rule, "Destination", "ReplicationTime", "Time", "Minutes"), " ",
			at(rule, "Destination", "Metrics", "Status"), " ", at(rule, "Destination", "Metrics", "EventThreshold", "Minutes"), " ",
			at(rule, "DeleteMarkerReplication", "Status"))
		want := "Enabled true arn:aws:s3:::prod-copies-222222222222-" + other + " Enabled 15 Enabled 15 Enabled"
		if got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}
