package synth

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

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

// The balancer takes its default from the program's: pings that come later than it thinks would be pings too late.
func TestPingIntervalIsThePrograms(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	interval := settings.Default().PingInterval
	refused(t, []string{"PingInterval (" + interval.String() + ")"}, func() {
		edge.NewBalancer(stack, "Edge", edge.BalancerProps{StreamBudget: time.Second})
	})
}
