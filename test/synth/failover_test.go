package synth

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/audit"
	"github.com/genai-pipeline/genai-pipeline/constructs/data"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/rules/plugin"
)

// toldOfFailover is what a golden shows of records, health checks and alarms.
var toldOfFailover = map[string][]string{
	"AWS::Route53::HealthCheck": {"HealthCheckConfig", "HealthCheckTags"},
	"AWS::Route53::RecordSet":   {"Name", "Type", "HostedZoneId", "SetIdentifier", "Failover", "Weight", "HealthCheckId", "AliasTarget", "TTL"},
	"AWS::CloudWatch::Alarm": {"Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods", "ComparisonOperator", "Threshold",
		"TreatMissingData", "AlarmDescription"},
}

// leastPair is a pair with nothing but what is required.
func leastPair() failover.PairProps {
	return failover.PairProps{
		Name: "gateway.example.com", HostedZoneID: "Z0123456789ABCDEFGHIJ",
		Primary: failover.Endpoint{Region: "us-east-1", DNSName: "east.elb.amazonaws.com", ZoneID: "ZEAST", CheckName: "gateway-us-east-1.example.com"},
		Secondary: failover.Endpoint{Region: "us-west-2", DNSName: "west.elb.amazonaws.com", ZoneID: "ZWEST",
			CheckName: "gateway-us-west-2.example.com"},
		Recovery: recovery.Plan{KeepAlive: time.Minute, Silence: 235 * time.Second},
	}
}

func TestGoldenFailover(t *testing.T) {
	tell(t, toldOfFailover)
	app, stack, out := benchIn(t, "us-east-1")
	made := failover.NewPair(stack, "Failover", leastPair())
	if got := made.Recovery().RTO(); got != 698*time.Second {
		t.Errorf("RTO is %s", got)
	}
	golden(t, "failover", benchTemplate(t, app, out).summary(t))
}

// Each record follows the health check of its own Region, which asks that Region alone, and each alarm is on one of them.
func TestRecordsFollowTheHealthOfTheirRegion(t *testing.T) {
	tests := []struct {
		mode failover.Mode
		want map[string]string // by Region, what makes the record one of its name
	}{
		{failover.ActivePassive, map[string]string{"us-east-1": `"PRIMARY" null`, "us-west-2": `"SECONDARY" null`}},
		{failover.ActiveActive, map[string]string{"us-east-1": `null 100`, "us-west-2": `null 255`}},
	}
	for _, tt := range tests {
		t.Run(string(tt.mode), func(t *testing.T) {
			app, stack, out := benchIn(t, "us-east-1")
			props := leastPair()
			props.Mode = tt.mode
			if tt.mode == failover.ActiveActive {
				props.Secondary.Weight = 255
			}
			props.Actions = actionsOf(stack)
			failover.NewPair(stack, "Failover", props)
			tp := benchTemplate(t, app, out)
			alarmed := map[any]bool{}
			for _, alarm := range tp.all("AWS::CloudWatch::Alarm") {
				alarmed[at(alarm.Properties, "Dimensions", 0, "Value", "Ref")] = at(alarm.Properties, "AlarmActions", 0) != nil
			}
			got := map[string]string{}
			for _, record := range tp.all("AWS::Route53::RecordSet") {
				p := record.Properties
				region := p["SetIdentifier"].(string)
				got[region] = compact(t, p["Failover"]) + " " + compact(t, p["Weight"])
				id, _ := at(p, "HealthCheckId", "Ref").(string)
				asks := tp.Resources[id].Properties["HealthCheckConfig"]
				if at(asks, "FullyQualifiedDomainName") != "gateway-"+region+".example.com" || !alarmed[id] {
					t.Errorf("the record of %s follows %s, alarmed: %t", region, compact(t, asks), alarmed[id])
				}
				if p["TTL"] != nil || at(p, "AliasTarget", "EvaluateTargetHealth") != false {
					t.Errorf("the record of %s is %s", region, compact(t, p))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A Region's own stack can make its record without knowing the other, and nothing of it crosses Regions.
func TestEachRegionMakesItsOwnRecord(t *testing.T) {
	for region, role := range map[string]failover.Role{"us-east-1": failover.Primary, "eu-west-1": failover.Secondary} {
		app, stack, out := benchIn(t, region)
		endpoint := leastPair().Primary
		endpoint.Region = region
		other := map[string]string{"us-east-1": "eu-west-1", "eu-west-1": "us-east-1"}[region]
		failover.NewRecord(stack, "Failover", failover.RecordProps{Name: "gateway.example.com", HostedZoneID: "Z0123456789ABCDEFGHIJ",
			Endpoint: endpoint, Role: role, OtherRegion: other, Recovery: leastPair().Recovery})
		tp := benchTemplate(t, app, out)
		if len(tp.Resources) != 2 {
			t.Errorf("%s: there are %d resources", region, len(tp.Resources))
		}
		if got := tp.only(t, "AWS::Route53::RecordSet").Properties["Failover"]; got != strings.ToUpper(string(role)) {
			t.Errorf("%s: the record is %v", region, got)
		}
	}
}

func TestWatchAlarmsInTheRegionOfTheMetrics(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	topic := awssns.NewTopic(stack, jsii.String("Topic"), nil)
	watch := failover.NewWatch(stack, "Watch", failover.WatchProps{Name: "gateway.example.com", Recovery: leastPair().Recovery,
		Hosts:   map[string]string{"eu-west-1": "gateway-eu-west-1.example.com", "us-west-2": "gateway-us-west-2.example.com"},
		Actions: []awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(topic)}})
	if len(watch.Alarms()) != 2 {
		t.Errorf("there are alarms for %d Regions", len(watch.Alarms()))
	}
	tp := benchTemplate(t, app, out)
	asked := map[any]any{}
	for _, alarm := range tp.all("AWS::CloudWatch::Alarm") {
		p := alarm.Properties
		id, _ := at(p, "Dimensions", 0, "Value", "Ref").(string)
		region := strings.Fields(strings.SplitAfter(p["AlarmDescription"].(string), " in ")[1])[0]
		asked[region] = at(tp.Resources[id].Properties, "HealthCheckConfig", "FullyQualifiedDomainName")
		if p["TreatMissingData"] != "breaching" || len(p["AlarmActions"].([]any)) != 1 || len(p["OKActions"].([]any)) != 1 {
			t.Errorf("the alarm is %s", compact(t, p))
		}
	}
	want := map[any]any{"eu-west-1": "gateway-eu-west-1.example.com", "us-west-2": "gateway-us-west-2.example.com"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// The alarm about a Region stands in another, and sees callers and not health checks.
func TestArrivalsAreSeenInTheOtherRegion(t *testing.T) {
	app, stack, out := benchIn(t, "us-west-2")
	requests := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{Namespace: jsii.String("GenAI/ARM64"), MetricName: jsii.String("Requests"), Statistic: jsii.String("Sum")})
	failover.NewArrivals(stack, "Arrivals", failover.ArrivalsProps{Requests: requests, Primary: "us-east-1"})
	p := benchTemplate(t, app, out).only(t, "AWS::CloudWatch::Alarm").Properties
	got := []any{p["MetricName"], p["ComparisonOperator"], p["Threshold"], p["TreatMissingData"], p["AlarmDescription"]}
	want := []any{"Requests", "GreaterThanThreshold", 0.0, "notBreaching", "Callers arrive in the secondary Region, so Route 53 finds us-east-1 unhealthy. What to do: " +
		"https://github.com/genai-pipeline/genai-pipeline/blob/main/docs/runbooks/failover.md"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckersMayCallABalancer(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	vpc := awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("us-east-1a")})
	group := awsec2.NewSecurityGroup(stack, jsii.String("Group"), &awsec2.SecurityGroupProps{Vpc: vpc, AllowAllOutbound: jsii.Bool(false)})
	failover.AllowCheckers(group, "pl-0123456789abcdef0")
	rule := benchTemplate(t, app, out).only(t, "AWS::EC2::SecurityGroupIngress").Properties
	if rule["SourcePrefixListId"] != "pl-0123456789abcdef0" || rule["FromPort"] != 443.0 || rule["ToPort"] != 443.0 {
		t.Errorf("the rule is %s", compact(t, rule))
	}
}

func TestBadFailoverIsRefused(t *testing.T) {
	_, east, _ := benchIn(t, "us-east-1")
	_, west, _ := benchIn(t, "us-west-2")
	pair := func(stack awscdk.Stack, change func(*failover.PairProps)) func() {
		return func() {
			props := leastPair()
			change(&props)
			failover.NewPair(stack, "Bad", props)
		}
	}
	record := func(change func(*failover.RecordProps)) func() {
		return func() {
			props := failover.RecordProps{Name: "gateway.example.com", HostedZoneID: "Z0123456789ABCDEFGHIJ", Endpoint: leastPair().Primary,
				Role: failover.Primary, OtherRegion: "us-west-2", Recovery: leastPair().Recovery}
			change(&props)
			failover.NewRecord(east, "Bad", props)
		}
	}
	tests := []struct {
		name string
		make func()
		want []string
	}{
		{"nothing at all", func() { failover.NewPair(east, "Bad", failover.PairProps{}) }, []string{
			`failover.NewPair("Bad"): 12 problems with the props:`, `Name: is ""`, `HostedZoneID: is ""`, `Primary.Region: is ""`, "Primary.DNSName: is empty",
			`Primary.ZoneID: is ""`, `Primary.CheckName: is ""`, `Secondary.Region: is ""`, "Secondary.DNSName", "Secondary.ZoneID", "Secondary.CheckName", "Recovery.KeepAlive: is 0s", "Recovery.Silence: is 0s"}},
		{"a wrong health check", pair(east, func(p *failover.PairProps) {
			p.Recovery.Check.Path, p.Secondary.Region, p.Secondary.CheckName = "/v1/chat/completions", "us-east-1", p.Primary.CheckName
		}), []string{"3 problems", "Recovery.Check.Path: is \"/v1/chat/completions\", which calls Amazon Bedrock and is billed; use /healthz",
			"Secondary.Region: is us-east-1, as that of Primary", "Secondary.CheckName: is gateway-us-east-1.example.com, as that of Primary"}},
		{"a threshold that breaks the RTO", pair(east, func(p *failover.PairProps) {
			p.Recovery.Check = recovery.Check{Interval: 30 * time.Second, Failures: 10}
			p.Recovery.Capacity = 5 * time.Minute
		}), []string{"1 problems", "Recovery.RTO: is up to 21m50s (judgement 1m0s + first byte 0s + detection 5m0s + checkers 1m0s + DNS 1m0s + connections 1m0s + silence 7m50s + capacity 5m0s); allowed is 15m0s"}},
		{"a stack without the metrics", pair(west, func(*failover.PairProps) {}), []string{"1 problems", `the stack's Region is "us-west-2"; only us-east-1 has`}},
		{"names that go round in circles", pair(east, func(p *failover.PairProps) { p.Primary.DNSName, p.Secondary.CheckName = p.Name+".", p.Name }), []string{"2 problems",
			"Primary.DNSName: is the record's own name", "Secondary.CheckName: is gateway.example.com, the name that fails over"}},
		{"weights", pair(east, func(p *failover.PairProps) { p.Mode, p.Primary.Weight = failover.ActiveActive, 256 }), []string{"1 problems", "Primary.Weight: is 256; allowed is 1 to 255"}},
		{"a weight for nothing", pair(east, func(p *failover.PairProps) { p.Primary.Weight = 1 }), []string{"1 problems", "Primary.Weight: is 1, and only records that share"}},
		{"a mode", pair(east, func(p *failover.PairProps) { p.Mode = "both" }), []string{"1 problems", `Mode: is "both"; allowed are "active-passive" and "active-active"`}},
		{"a URL to check", pair(east, func(p *failover.PairProps) { p.Primary.CheckName = "https://a.example.com/healthz" }), []string{"1 problems", "without a scheme or a path"}},
		{"one record", record(func(p *failover.RecordProps) { p.Role, p.OtherRegion = "third", "us-east-1" }), []string{`failover.NewRecord("Bad"): 2 problems`,
			`Role: is "third"`, "OtherRegion: is us-east-1, as that of Endpoint"}},
		{"a watch", func() {
			failover.NewWatch(west, "Bad", failover.WatchProps{Name: "gateway.example.com", Hosts: map[string]string{"west": "gateway.example.com"}, Recovery: leastPair().Recovery})
		}, []string{`failover.NewWatch("Bad"): 4 problems`, "Hosts: has 1 Regions", `Hosts: is "west"`, "Hosts[west]: is gateway.example.com, the name that fails over", `Region is "us-west-2"`}},
		{"arrivals at home", func() { failover.NewArrivals(east, "Bad", failover.ArrivalsProps{Primary: "us-east-1"}) }, []string{`failover.NewArrivals("Bad"): 2 problems`,
			"Requests: is nil", "put the alarm about a Region into another"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.want, tt.make) })
	}
}

// Everything that two Regions need passes CDK's own validation and our rules.
func TestTwoRegionsPassTheValidation(t *testing.T) {
	validation("true")
	defer validation("false")
	for _, region := range []string{"us-east-1", "us-west-2"} {
		app, stack, out := benchIn(t, region)
		awscdk.Validations_Of(app).AddPlugins(plugin.New())
		twoRegions(stack, region)
		if failure := failureOf(func() { app.Synth(nil) }); failure != "" {
			t.Errorf("%s: %s", region, failure)
		}
		if report := reportOf(t, out); !strings.Contains(report, "pluginReports:[]") {
			t.Errorf("%s: %s", region, report)
		}
	}
}

// A platform team that runs cdk-nag's pack sees nothing that is not said to be meant.
func TestTheAwsSolutionsPackFindsNothingInTwoRegions(t *testing.T) {
	for _, region := range []string{"us-east-1", "us-west-2"} {
		app, stack, out := benchIn(t, region)
		twoRegions(stack, region)
		runPack(stack)
		failure := failureOf(func() { app.Synth(nil) })
		found, reports := nagFindings(t, out)
		for _, finding := range found {
			t.Error(finding)
		}
		if reports != 1 || failure != "" && len(found) == 0 {
			t.Errorf("%d reports, and synthesis failed with %q", reports, failure)
		}
	}
}

// twoRegions is what an environment with a primary in us-east-1 has in each Region.
func twoRegions(stack awscdk.Stack, region string) {
	actions := actionsOf(stack)
	other := map[string]string{"us-east-1": "us-west-2", "us-west-2": "us-east-1"}[region]
	records, copies := data.Name("prod", "records", benchAccount, region), data.Name("prod", "copies", benchAccount, region)
	data.NewBucket(stack, "Copies", data.BucketProps{Name: copies, ReplicaOf: data.Name("prod", "records", benchAccount, other), Actions: actions, Retain: true})
	data.NewBucket(stack, "Records", data.BucketProps{Name: records, Actions: actions, Retain: true,
		Replica: &data.Replica{Name: data.Name("prod", "copies", benchAccount, other), Region: other}})
	audit.NewTrail(stack, "Audit", audit.Props{Name: "prod-" + region, Buckets: []string{records, copies}})
	failover.NewHealthAlarm(stack, "Healthy", failover.HealthAlarmProps{Name: "healthy", Healthy: healthyTargets("Maximum", 60), Recovery: behindAlarms, Actions: actions})
	if region != failover.MetricRegion {
		failover.NewRecord(stack, "Failover", failover.RecordProps{Name: "gateway.example.com", HostedZoneID: "Z0123456789ABCDEFGHIJ",
			Endpoint: leastPair().Secondary, Role: failover.Secondary, OtherRegion: other, Recovery: leastPair().Recovery})
		return
	}
	data.NewSecret(stack, "Keys", data.SecretProps{Description: "Hashes of API keys", Name: "prod-keys", Replicas: map[string]string{other: ""}, Retain: true})
	data.NewTable(stack, "State", data.TableProps{Name: "prod-state", PartitionKey: "tenant", Replicas: map[string]string{other: ""}, Retain: true, Actions: actions})
	pair := leastPair()
	pair.Actions = actions
	failover.NewPair(stack, "Failover", pair)
	internal := alarmedPair()
	internal.Name, internal.Actions = "internal.example.com", actions
	failover.NewPair(stack, "Internal", internal)
}
