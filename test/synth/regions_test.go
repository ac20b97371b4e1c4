package synth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

func init() {
	for _, kind := range []string{
		"AWS::CloudTrail::Trail", "AWS::CloudWatch::Alarm", "AWS::KMS::Key", "AWS::Route53::HealthCheck",
	} {
		if told[kind] == nil {
			told[kind] = []string{}
		}
	}
}

// variantsWithNames are the variants of prod, each with a domain of its own.
var variantsWithNames = map[string]string{
	settings.VariantServerless: "lambda.gateway.example.com", settings.VariantContainers: "containers.gateway.example.com",
	settings.VariantInstances: "instances.gateway.example.com",
}

// TestEveryNameLeadsToBothRegions looks at the records of both Regions by meaning: what a caller's name leads to, what is
// asked to decide it, and that the two belong together.
func TestEveryNameLeadsToBothRegions(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	for variant, domain := range variantsWithNames {
		t.Run(variant, func(t *testing.T) {
			for region, role := range map[string]string{"us-east-1": "PRIMARY", "us-west-2": "SECONDARY"} {
				tp := stackOf(t, out, "prod-"+region, variant)
				check := region + "." + domain
				got, simple := map[string]any{}, map[string]int{}
				for _, r := range tp.all("AWS::Route53::RecordSet") {
					p := r.Properties
					if p["Failover"] == nil {
						simple[strings.TrimSuffix(p["Name"].(string), ".")]++
						continue
					}
					id := at(p["HealthCheckId"], "Ref").(string)
					asks := tp.Resources[id].Properties["HealthCheckConfig"]
					got = map[string]any{
						"name": p["Name"], "role": p["Failover"], "set": p["SetIdentifier"], "TTL": p["TTL"],
						"evaluates": at(p["AliasTarget"], "EvaluateTargetHealth"),
						"asks":      fmt.Sprint(at(asks, "Type"), " ", at(asks, "FullyQualifiedDomainName"), at(asks, "ResourcePath"), " ", at(asks, "RequestInterval"), " ", at(asks, "FailureThreshold")),
					}
				}
				want := map[string]any{
					"name": domain, "role": role, "set": region, "TTL": nil, "evaluates": false,
					"asks": "HTTPS " + check + endpoint.Healthz + " 10 3",
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", region, diff)
				}
				if diff := cmp.Diff(map[string]int{check: 1}, simple); diff != "" {
					t.Errorf("%s: simple records: %s", region, diff)
				}
				if arrivals := alarmsNamed(tp, "Arrivals"); (len(arrivals) == 1) != (role == "SECONDARY") {
					t.Errorf("%s: there are %d alarms about arrivals; the one about the first Region stands in the second", region, len(arrivals))
				}
			}
		})
	}
}

func alarmsNamed(tp template, part string) []string {
	var found []string
	for id, r := range tp.Resources {
		if r.Type == "AWS::CloudWatch::Alarm" && strings.Contains(id, part) {
			found = append(found, id)
		}
	}
	return found
}

// TestStateIsCopiedToTheOtherRegion follows the names: what one Region copies from is what the other makes.
func TestStateIsCopiedToTheOtherRegion(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	names := map[string]string{} // of the bucket for copies, by Region
	for _, region := range []string{"us-east-1", "us-west-2"} {
		tp := stackOf(t, out, "prod-"+region+"-copies", "data")
		bucket := tp.only(t, "AWS::S3::Bucket").Properties
		names[region] = bucket["BucketName"].(string)
		if at(bucket, "VersioningConfiguration", "Status") != "Enabled" || len(alarmsNamed(tp, "")) == 0 {
			t.Errorf("%s: S3 copies into a bucket with versions only, and its lag is watched here", region)
		}
	}
	for region, other := range map[string]string{"us-east-1": "us-west-2", "us-west-2": "us-east-1"} {
		data := stackOf(t, out, "prod-"+region, "data")
		rules := at(data.only(t, "AWS::S3::Bucket").Properties, "ReplicationConfiguration", "Rules").([]any)
		if len(rules) != 1 || at(rules[0], "Destination", "Bucket") != "arn:aws:s3:::"+names[other] ||
			at(rules[0], "Destination", "ReplicationTime", "Status") != "Enabled" || at(rules[0], "DeleteMarkerReplication", "Status") != "Enabled" {
			t.Errorf("%s: the records are copied by %s, want to %s", region, compact(t, rules), names[other])
		}
	}
	first, second := stackOf(t, out, "prod-secrets", "data"), stackOf(t, out, "prod-us-west-2", "data")
	copied := map[any]bool{}
	for _, secret := range first.all("AWS::SecretsManager::Secret") {
		if copied[secret.Properties["Name"]] = true; at(secret.Properties, "ReplicaRegions", 0, "Region") != "us-west-2" {
			t.Errorf("a secret is not copied: %s", compact(t, secret.Properties))
		}
	}
	if len(copied) != 2 || len(second.all("AWS::SecretsManager::Secret")) != 0 {
		t.Errorf("copied are %v; the second Region makes secrets of its own", copied)
	}
	for _, variant := range []string{settings.VariantServerless, settings.VariantContainers, settings.VariantInstances} {
		there := variantVariables(t, stackOf(t, out, "prod-us-west-2", variant), variant)
		for _, name := range []string{settings.EnvAuthSecret, settings.EnvFeedbackSecret} {
			if !copied[there[name]] {
				t.Errorf("%s of the second Region is told of the secret %q; copied are %v", variant, there[name], copied)
			}
		}
		if there[settings.EnvAuthSecret] == there[settings.EnvFeedbackSecret] {
			t.Errorf("%s of the second Region has one secret for both", variant)
		}
	}
}

// TestGlobalStage is what belongs to no Region: alarms where the metrics of health checks are, and one trail of all.
func TestGlobalStage(t *testing.T) {
	out := synthesize(t, stub(t), shipped(t, "prod"))
	watch := stackOf(t, out, "prod-global", "watch")
	asked := map[string]int{}
	for _, r := range watch.all("AWS::Route53::HealthCheck") {
		asked[at(r.Properties, "HealthCheckConfig", "FullyQualifiedDomainName").(string)]++
	}
	want := map[string]int{}
	for _, domain := range variantsWithNames {
		want["us-east-1."+domain], want["us-west-2."+domain] = 1, 1
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	if n := len(alarmsNamed(watch, "")); n != len(want) {
		t.Errorf("%d alarms for %d health checks", n, len(want))
	}
	trail := stackOf(t, out, "prod-global", "audit").only(t, "AWS::CloudTrail::Trail").Properties
	selectors := compact(t, trail["AdvancedEventSelectors"])
	for _, part := range []string{"records", "copies"} {
		for _, region := range []string{"us-east-1", "us-west-2"} {
			if !strings.Contains(selectors, "arn:aws:s3:::prod-"+part+"-222222222222-"+region+"/") {
				t.Errorf("nobody sees who reads the %s in %s", part, region)
			}
		}
	}
	if trail["IsMultiRegionTrail"] != true || trail["EnableLogFileValidation"] != true || trail["KMSKeyId"] == nil {
		t.Errorf("the trail is %v", slices.Sorted(maps.Keys(trail)))
	}
}

func TestActiveActiveSharesCallers(t *testing.T) {
	e := shipped(t, "prod")
	e.Failover.Mode = "active-active"
	out := synthesize(t, stub(t), e)
	for _, region := range e.Regions {
		tp := stackOf(t, out, "prod-"+region, settings.VariantContainers)
		weighted := 0
		for _, r := range tp.all("AWS::Route53::RecordSet") {
			if r.Properties["Weight"] == 100.0 && r.Properties["SetIdentifier"] == region && r.Properties["HealthCheckId"] != nil {
				weighted++
			}
		}
		if weighted != 1 || len(alarmsNamed(tp, "Arrivals")) != 0 {
			t.Errorf("%s: %d weighted records, alarms about arrivals %v", region, weighted, alarmsNamed(tp, "Arrivals"))
		}
	}
}
