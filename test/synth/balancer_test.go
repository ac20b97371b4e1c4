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

	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
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
