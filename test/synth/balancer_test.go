package synth

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

const certificate = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"

// toldOfBalancers is what a golden shows of a balancer.
var toldOfBalancers = map[string][]string{
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {"Type", "Scheme", "LoadBalancerAttributes"},
	"AWS::ElasticLoadBalancingV2::Listener":     {"Port", "Protocol", "SslPolicy"},
	"AWS::ElasticLoadBalancingV2::TargetGroup":  {"Port", "Protocol", "TargetType", "HealthCheckPath", "TargetGroupAttributes"},
	"AWS::S3::Bucket":                           {"BucketEncryption", "PublicAccessBlockConfiguration", "VersioningConfiguration", "LifecycleConfiguration"},
	"AWS::S3::BucketPolicy":                     {},
	"AWS::WAFv2::WebACL":                        {"Scope", "DefaultAction", "Description"},
	"AWS::WAFv2::WebACLAssociation":             {},
}

// front is a balancer in an imported network, so that its template is about the balancer alone.
func front(t *testing.T, with func(*edge.BalancerProps)) (awscdk.App, edge.Balancer, string) {
	t.Helper()
	app, stack, out := benchIn(t, "us-east-1")
	place := imported(t)
	place.Endpoints, place.EndpointGroupIDs, place.Policies = network.EndpointsExisting, []string{"sg-0123456789abcdef0"}, nil
	made := network.NewNetwork(stack, "Network", place)
	props := edge.BalancerProps{
		Vpc: made.Vpc(), Subnets: made.BalancerSubnets(), CertificateARN: certificate, CIDRs: []string{"10.0.0.0/8"},
	}
	if with != nil {
		with(&props)
	}
	return app, edge.NewBalancer(stack, "Edge", props), out
}

func TestGoldenBalancer(t *testing.T) {
	tell(t, toldOfNetworks)
	tell(t, toldOfBalancers)
	app, balancer, out := front(t, nil)
	balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	golden(t, "balancer", benchTemplate(t, app, out).summary(t))
}

// attributes of a load balancer or a target group, by key.
func attributes(r resource, property string) map[string]any {
	found := map[string]any{}
	for _, raw := range r.Properties[property].([]any) {
		pair := raw.(map[string]any)
		found[pair["Key"].(string)] = pair["Value"]
	}
	return found
}

func TestBalancerSpeaksHTTPSOnly(t *testing.T) {
	app, balancer, out := front(t, func(p *edge.BalancerProps) { p.InternetFacing, p.Production = true, true })
	balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	tp := benchTemplate(t, app, out)
	listener := tp.only(t, "AWS::ElasticLoadBalancingV2::Listener").Properties
	want := map[string]any{"Port": 443.0, "Protocol": "HTTPS", "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
		"Certificates": []any{map[string]any{"CertificateArn": certificate}}}
	for name, property := range want {
		if diff := cmp.Diff(property, listener[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	lb := tp.only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer")
	if lb.Properties["Scheme"] != "internet-facing" {
		t.Errorf("scheme is %v", lb.Properties["Scheme"])
	}
	if diff := cmp.Diff([]any{"subnet-00000001", "subnet-00000002"}, lb.Properties["Subnets"]); diff != "" {
		t.Error(diff)
	}
	got := attributes(lb, "LoadBalancerAttributes")
	for key, value := range map[string]any{
		"deletion_protection.enabled": "true", "routing.http.drop_invalid_header_fields.enabled": "true",
		"routing.http.desync_mitigation_mode": "strictest", "idle_timeout.timeout_seconds": "305",
		"client_keep_alive.seconds": "60", "access_logs.s3.enabled": "true",
	} {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
	noWorldIn(t, tp)
}

func TestTimeoutsFollowFromTheStreamBudget(t *testing.T) {
	for _, test := range []struct {
		budget time.Duration
		idle   string
	}{{31 * time.Second, "36"}, {15 * time.Minute, "905"}, {3995 * time.Second, "4000"}} {
		app, balancer, out := front(t, func(p *edge.BalancerProps) { p.StreamBudget = test.budget })
		balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
		got := attributes(benchTemplate(t, app, out).only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
		if got["idle_timeout.timeout_seconds"] != test.idle || got["client_keep_alive.seconds"] != "60" {
			t.Errorf("%s: idle %v, keep-alive %v", test.budget, got["idle_timeout.timeout_seconds"], got["client_keep_alive.seconds"])
		}
	}
}

func TestTargetGroups(t *testing.T) {
	app, balancer, out := front(t, nil)
	balancer.AddTarget("Blue", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP, Drain: 30 * time.Second, Port: 9000})
	balancer.AddTarget("Green", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_INSTANCE})
	tp := benchTemplate(t, app, out)
	groups := tp.all("AWS::ElasticLoadBalancingV2::TargetGroup")
	for i, want := range []map[string]any{
		{"Port": 9000.0, "TargetType": "ip", "drain": "30"}, {"Port": 8080.0, "TargetType": "instance", "drain": "300"},
	} {
		p, at := groups[i].Properties, attributes(groups[i], "TargetGroupAttributes")
		got := map[string]any{"Port": p["Port"], "TargetType": p["TargetType"], "drain": at["deregistration_delay.timeout_seconds"]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if p["HealthCheckPath"] != "/livez" || p["Protocol"] != "HTTP" || p["ProtocolVersion"] != "HTTP1" ||
			at["load_balancing.algorithm.type"] != "least_outstanding_requests" || at["slow_start.duration_seconds"] != nil {
			t.Errorf("target group: %v", p)
		}
	}
	actions := compact(t, tp.only(t, "AWS::ElasticLoadBalancingV2::Listener").Properties["DefaultActions"])
	if !strings.Contains(actions, "EdgeBlue") || strings.Contains(actions, "EdgeGreen") {
		t.Errorf("the first group is not the default alone: %s", actions)
	}
}

// A target is reached by the balancer alone, and the balancer reaches nothing else.
func TestBalancerAndTargetNameEachOther(t *testing.T) {
	app, balancer, out := front(t, nil)
	stack := awscdk.Stack_Of(balancer)
	workload := awsec2.NewSecurityGroup(stack, jsii.String("Workload"), &awsec2.SecurityGroupProps{
		Vpc: balancer.Balancer().Vpc(), AllowAllOutbound: jsii.Bool(false),
	})
	group := balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	group.RegisterConnectable(workload, awsec2.Port_Tcp(jsii.Number(8080))) // what attaching a service does
	tp := benchTemplate(t, app, out)
	into, outOf := tp.only(t, "AWS::EC2::SecurityGroupIngress").Properties, tp.only(t, "AWS::EC2::SecurityGroupEgress").Properties
	for _, rule := range []map[string]any{into, outOf} {
		if rule["FromPort"] != 8080.0 || rule["ToPort"] != 8080.0 || rule["CidrIp"] != nil {
			t.Errorf("a rule is wider than the target's port: %v", rule)
		}
	}
	if !strings.Contains(compact(t, into["SourceSecurityGroupId"]), "EdgeGroup") || !strings.Contains(compact(t, outOf["DestinationSecurityGroupId"]), "Workload") {
		t.Errorf("rules do not name their one peer: %v, %v", into, outOf)
	}
	for id, r := range tp.Resources {
		if r.Type == "AWS::EC2::SecurityGroup" && strings.HasPrefix(id, "EdgeGroup") {
			want := `[{"CidrIp":"10.0.0.0/8","Description":"Callers in 10.0.0.0/8","FromPort":443,"IpProtocol":"tcp","ToPort":443}]`
			if got := compact(t, r.Properties["SecurityGroupIngress"]); got != want {
				t.Errorf("callers: %s", got)
			}
			if got := compact(t, r.Properties["SecurityGroupEgress"]); !strings.Contains(got, "Disallow all traffic") {
				t.Errorf("the group leaves the way out to AWS's default: %s", got)
			}
		}
	}
}

func TestOpenBalancerSaysWhy(t *testing.T) {
	app, balancer, out := front(t, func(p *edge.BalancerProps) {
		p.InternetFacing, p.CIDRs, p.OpenReason = true, []string{"0.0.0.0/0"}, "Public demo, ticket GW-1"
	})
	balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	tp := benchTemplate(t, app, out)
	noWorldIn(t, tp, "Anyone: Public demo, ticket GW-1")
	if got := compact(t, tp.all("AWS::EC2::SecurityGroup")); !strings.Contains(got, "0.0.0.0/0") {
		t.Errorf("nobody may call: %s", got)
	}
}

func TestLogBucket(t *testing.T) {
	app, balancer, out := front(t, func(p *edge.BalancerProps) { p.ConnectionLogs, p.LogRetention = true, 7 })
	balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	tp := benchTemplate(t, app, out)
	bucket := tp.only(t, "AWS::S3::Bucket")
	text := compact(t, bucket.Properties)
	for _, want := range []string{`"SSEAlgorithm":"AES256"`, `"BlockPublicAcls":true`, `"RestrictPublicBuckets":true`, `"Status":"Enabled"`,
		`"ExpirationInDays":7`, `"NoncurrentDays":7`, `"DaysAfterInitiation":1`, `"ObjectOwnership":"BucketOwnerEnforced"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if bucket.DeletionPolicy != "Retain" {
		t.Errorf("deletion policy is %q", bucket.DeletionPolicy)
	}
	policy := compact(t, tp.only(t, "AWS::S3::BucketPolicy").Properties)
	for _, want := range []string{`"aws:SecureTransport":"false"`, `"s3:TlsVersion":1.2`, "/access/AWSLogs/123456789012/*", "/connection/AWSLogs/123456789012/*"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in %s", want, policy)
		}
	}
	if strings.Contains(policy, `"Allow","Principal":"*"`) {
		t.Errorf("anyone may write logs: %s", policy)
	}
}

func TestFirewall(t *testing.T) {
	app, balancer, out := front(t, func(p *edge.BalancerProps) { p.Firewall.RequestsPerIP = 500 })
	balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	blocked := balancer.Firewall().MetricBlocked(nil)
	tp := benchTemplate(t, app, out)
	acl := tp.only(t, "AWS::WAFv2::WebACL").Properties
	if acl["Scope"] != "REGIONAL" || compact(t, acl["DefaultAction"]) != `{"Allow":{}}` {
		t.Errorf("web ACL: %v", acl)
	}
	got := map[string]string{}
	for _, raw := range acl["Rules"].([]any) {
		rule := raw.(map[string]any)
		if rule["VisibilityConfig"].(map[string]any)["CloudWatchMetricsEnabled"] != true {
			t.Errorf("%v has no metric", rule["Name"])
		}
		got[rule["Name"].(string)] = compact(t, []any{rule["Priority"], rule["Action"], rule["OverrideAction"]})
		if rule["Name"] == "RequestsPerIP" {
			want := `{"RateBasedStatement":{"AggregateKeyType":"IP","EvaluationWindowSec":300,"Limit":500}}`
			if diff := cmp.Diff(want, compact(t, rule["Statement"])); diff != "" {
				t.Error(diff)
			}
		}
	}
	want := map[string]string{
		"RequestsPerIP":                         `[0,{"Block":{}},null]`,
		"AWSManagedRulesAmazonIpReputationList": `[1,null,{"None":{}}]`,
		"AWSManagedRulesCommonRuleSet":          `[2,null,{"None":{}}]`,
		"AWSManagedRulesKnownBadInputsRuleSet":  `[3,null,{"None":{}}]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	rules := compact(t, acl["Rules"])
	for _, name := range []string{"SizeRestrictions_BODY", "CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY",
		"JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"} {
		if !strings.Contains(rules, `{"ActionToUse":{"Count":{}},"Name":"`+name+`"}`) {
			t.Errorf("%s is not counted, and blocks prompts: %s", name, rules)
		}
	}
	if association := compact(t, tp.only(t, "AWS::WAFv2::WebACLAssociation").Properties); !strings.Contains(association, "EdgeBalancer") {
		t.Errorf("the web ACL protects something else: %s", association)
	}
	if metric := acl["VisibilityConfig"].(map[string]any)["MetricName"]; metric != (*blocked.Dimensions())["WebACL"] {
		t.Errorf("the metric is of %v, the web ACL's is %v", (*blocked.Dimensions())["WebACL"], metric)
	}
}

func TestBalancerWithoutFirewallSaysWhy(t *testing.T) {
	app, balancer, out := front(t, func(p *edge.BalancerProps) { p.NoFirewallReason = "Behind CloudFront, which has one" })
	balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	tp := benchTemplate(t, app, out)
	if balancer.Firewall() != nil || len(tp.all("AWS::WAFv2::WebACL")) > 0 {
		t.Error("there is a web ACL")
	}
	if got := tp.only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer").Metadata[edge.NoFirewallMetadata]; got != "Behind CloudFront, which has one" {
		t.Errorf("the reason is %v", got)
	}
}

func TestBalancerMetrics(t *testing.T) {
	_, balancer, _ := front(t, nil)
	got := []string{*balancer.MetricRequests(nil).MetricName(), *balancer.MetricOwnErrors(nil).MetricName(),
		*balancer.MetricTargetErrors(nil).MetricName(), *balancer.MetricRejected(nil).MetricName()}
	want := []string{"RequestCount", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "RejectedConnectionCount"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBalancerRefuses(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	vpc := awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId: jsii.String("vpc-00000001"), AvailabilityZones: jsii.Strings("us-east-1a"), PublicSubnetIds: jsii.Strings("subnet-00000001"),
		PublicSubnetRouteTableIds: jsii.Strings("rtb-00000001"),
	})
	tests := []struct {
		name string
		with func(*edge.BalancerProps)
		want []string
	}{
		{"nothing", func(p *edge.BalancerProps) { *p = edge.BalancerProps{} }, []string{`edge.NewBalancer("Edge"): 4 problems with the props:`,
			"Vpc: is nil", "Subnets: is nil", "CertificateARN: is empty; there is no gateway without TLS", "CIDRs: is empty"}},
		{"no certificate's ARN", func(p *edge.BalancerProps) { p.CertificateARN = "arn:aws:iam::123456789012:server-certificate/old" },
			[]string{`CertificateARN: is "arn:aws:iam`}},
		{"world-open without a reason", func(p *edge.BalancerProps) { p.InternetFacing, p.CIDRs = true, []string{"0.0.0.0/0"} },
			[]string{"OpenReason: is empty; say why the whole internet may call"}},
		{"world-open inside", func(p *edge.BalancerProps) { p.CIDRs, p.OpenReason = []string{"0.0.0.0/0"}, "test" }, []string{"CIDRs: 0.0.0.0/0 is for InternetFacing"}},
		{"world-open by halves", func(p *edge.BalancerProps) { p.InternetFacing, p.CIDRs = true, []string{"0.0.0.0/1", "128.0.0.0/1"} },
			[]string{"2 problems", "CIDRs: 0.0.0.0/1 is wider than /8", "CIDRs: 128.0.0.0/1 is wider than /8"}},
		{"world and others", func(p *edge.BalancerProps) {
			p.InternetFacing, p.CIDRs, p.OpenReason = true, []string{"0.0.0.0/0", "10.0.0.0/8"}, "test"
		}, []string{"CIDRs: 0.0.0.0/0 makes the others void"}},
		{"reason without need", func(p *edge.BalancerProps) { p.OpenReason = "test" }, []string{"OpenReason: is only for the CIDR 0.0.0.0/0"}},
		{"reason that EC2 refuses", func(p *edge.BalancerProps) {
			p.InternetFacing, p.CIDRs, p.OpenReason = true, []string{"0.0.0.0/0"}, "Öffentlich"
		},
			[]string{`OpenReason: is "Anyone: Öffentlich"; AWS allows only letters A to Z`}},
		{"long reason", func(p *edge.BalancerProps) {
			p.InternetFacing, p.CIDRs, p.OpenReason = true, []string{"0.0.0.0/0"}, strings.Repeat("x", 250)
		}, []string{"OpenReason: has 258 characters; AWS allows 255"}},
		{"no range", func(p *edge.BalancerProps) { p.CIDRs = []string{"10.0.0.1/8", "::/0", "10.1.0.0/16", "10.1.0.0/16"} },
			[]string{`CIDRs: "10.0.0.1/8" is no IPv4 range`, `CIDRs: "::/0" is no IPv4 range`, "CIDRs: 10.1.0.0/16 is there twice"}},
		{"budget above AWS's limit", func(p *edge.BalancerProps) { p.StreamBudget = 3996 * time.Second },
			[]string{"StreamBudget: is 1h6m36s; allowed are whole seconds, more than two of PingInterval (15s), to 1h6m35s"}},
		{"budget without room for a ping", func(p *edge.BalancerProps) { p.StreamBudget = 30 * time.Second }, []string{"StreamBudget: is 30s"}},
		{"ping", func(p *edge.BalancerProps) { p.PingInterval = -1 }, []string{"PingInterval: is -1ns"}},
		{"firewall and none", func(p *edge.BalancerProps) { p.Firewall.RequestsPerIP, p.NoFirewallReason = 100, "test" }, []string{"Firewall: is set, and NoFirewallReason too"}},
		{"firewall", func(p *edge.BalancerProps) {
			p.Firewall.RequestsPerIP, p.Firewall.Description = 9, "ends with a blank "
		},
			[]string{"Firewall.RequestsPerIP: is 9; allowed is 10", `Firewall.Description: is "ends with a blank "; AWS allows only`}},
		{"retention", func(p *edge.BalancerProps) { p.LogRetention = -1 }, []string{"LogRetention: is -1 days"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := edge.BalancerProps{Vpc: vpc, Subnets: &awsec2.SubnetSelection{}, CertificateARN: certificate, CIDRs: []string{"10.0.0.0/8"}}
			test.with(&props)
			refused(t, test.want, func() { edge.NewBalancer(stack, "Edge", props) })
		})
	}
	t.Run("no Region", func(t *testing.T) {
		_, stack, _ := bench(t)
		refused(t, []string{"the stack does not say its Region"}, func() { edge.NewBalancer(stack, "Edge", edge.BalancerProps{}) })
	})
	t.Run("target", func(t *testing.T) {
		_, balancer, _ := front(t, nil)
		refused(t, []string{`edge.Balancer.AddTarget("Gateway"): 3 problems`, `Type: is ""; allowed are "IP"`, "Port: is 70000", "Drain: is 2h0m0s"},
			func() { balancer.AddTarget("Gateway", edge.TargetProps{Port: 70000, Drain: 2 * time.Hour}) })
	})
}

func TestRestApiWithDomainAndFirewall(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	gateway := compute.NewFunction(stack, "Gateway", least(t))
	api := edge.NewRestApi(stack, "Edge", edge.RestApiProps{
		Handler:  gateway.Alias(),
		Domain:   &edge.Domain{Name: "gateway.example.com", CertificateARN: certificate, HostedZoneID: "Z0123456789ABCDEFGHIJ"},
		Firewall: &edge.WebACLProps{},
	})
	if got := *api.Url(); got != "https://gateway.example.com/" {
		t.Errorf("URL is %s", got)
	}
	tp := benchTemplate(t, app, out)
	domain := tp.only(t, "AWS::ApiGateway::DomainName").Properties
	want := map[string]any{"DomainName": "gateway.example.com", "SecurityPolicy": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "EndpointAccessMode": "STRICT",
		"RegionalCertificateArn": certificate, "EndpointConfiguration": map[string]any{"Types": []any{"REGIONAL"}}}
	if diff := cmp.Diff(want, domain); diff != "" {
		t.Error(diff)
	}
	if got := tp.only(t, "AWS::ApiGateway::RestApi").Properties["DisableExecuteApiEndpoint"]; got != true {
		t.Errorf("AWS's own name is open: %v", got)
	}
	record := tp.only(t, "AWS::Route53::RecordSet").Properties
	if record["Name"] != "gateway.example.com" || record["Type"] != "A" || !strings.Contains(compact(t, record["AliasTarget"]), "RegionalDomainName") {
		t.Errorf("record: %v", record)
	}
	association := compact(t, tp.only(t, "AWS::WAFv2::WebACLAssociation").Properties["ResourceArn"])
	if !strings.Contains(association, "/restapis/") || !strings.Contains(association, "/stages/") {
		t.Errorf("the web ACL protects something else: %s", association)
	}
	if mapping := tp.only(t, "AWS::ApiGateway::BasePathMapping").Properties; mapping["BasePath"] != nil {
		t.Errorf("the domain has a base path: %v", mapping)
	}
}

func TestRestApiRefusesBadDomains(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	gateway := compute.NewFunction(stack, "Gateway", least(t))
	refused(t, []string{`edge.NewRestApi("Edge"): 4 problems`, `Domain.Name: is "Gateway"`, "Domain.CertificateARN: is empty",
		`Domain.HostedZoneID: is "example.com"`, "Firewall.RequestsPerIP: is 1"}, func() {
		edge.NewRestApi(stack, "Edge", edge.RestApiProps{Handler: gateway.Alias(),
			Domain: &edge.Domain{Name: "Gateway", HostedZoneID: "example.com"}, Firewall: &edge.WebACLProps{RequestsPerIP: 1}})
	})
}

// The balancer takes its default from the program's: pings that come later than it thinks would be pings too late.
func TestPingIntervalIsThePrograms(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	interval := settings.Default().PingInterval
	refused(t, []string{"PingInterval (" + interval.String() + ")"}, func() {
		edge.NewBalancer(stack, "Edge", edge.BalancerProps{StreamBudget: time.Second})
	})
}

func TestOwnLogBucket(t *testing.T) {
	app, balancer, out := front(t, func(p *edge.BalancerProps) {
		p.LogBucket = awss3.Bucket_FromBucketName(p.Vpc.Stack(), jsii.String("Theirs"), jsii.String("team-logs"))
	})
	balancer.AddTarget("Gateway", edge.TargetProps{Type: awselasticloadbalancingv2.TargetType_IP})
	tp := benchTemplate(t, app, out)
	got := attributes(tp.only(t, "AWS::ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancerAttributes")
	if len(tp.all("AWS::S3::Bucket")) > 0 || got["access_logs.s3.bucket"] != "team-logs" {
		t.Errorf("logs go to %v", got["access_logs.s3.bucket"])
	}
	if _, ok := got["connection_logs.s3.bucket"]; ok {
		t.Error("connections are logged unasked")
	}
}
