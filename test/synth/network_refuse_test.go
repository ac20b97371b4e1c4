package synth

import (
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/constructs/network"
)

func TestNetworkRefuses(t *testing.T) {
	tests := []struct {
		name string
		with func(*network.Props)
		want []string
	}{
		{"nothing", func(p *network.Props) { *p = network.Props{} }, []string{`network.NewNetwork("Network"): 2 problems with the props:`,
			"Zones: has 0 zones; give 2 to 6", "Needs: is empty"}},
		{"one zone", func(p *network.Props) { p.Zones = []string{"us-east-1a"} }, []string{"Zones: has 1 zones"}},
		{"zone twice", func(p *network.Props) { p.Zones = []string{"us-east-1a", "us-east-1a"} }, []string{"Zones: us-east-1a is there twice"}},
		{"another Region's zone", func(p *network.Props) { p.Zones[1] = "us-west-2a" }, []string{"Zones: us-west-2a is not in the stack's Region, us-east-1"}},
		{"no zone's name", func(p *network.Props) { p.Zones[1] = "use1-az1" }, []string{`Zones: "use1-az1" is no zone's name`}},
		{"no Graviton on Fargate", func(p *network.Props) { p.ZoneIDs = map[string]string{"us-east-1b": "use1-az3"} },
			[]string{"ZoneIDs: us-east-1b is use1-az3, where Fargate has no Graviton"}},
		{"id of no zone", func(p *network.Props) { p.ZoneIDs = map[string]string{"us-east-1c": "use1-az1"} }, []string{"ZoneIDs: has us-east-1c"}},
		{"large range", func(p *network.Props) { p.CIDR = "10.0.0.0/8" }, []string{`CIDR: is "10.0.0.0/8"; give an IPv4 range from /16 to /19`}},
		{"small range", func(p *network.Props) { p.CIDR = "10.0.0.0/24" }, []string{"CIDR: is"}},
		{"range off its start", func(p *network.Props) { p.CIDR = "10.0.1.0/16" }, []string{"CIDR: is"}},
		{"public range", func(p *network.Props) { p.CIDR = "11.0.0.0/16" }, []string{"CIDR: 11.0.0.0/16 is not of a private range"}},
		{"retention", func(p *network.Props) { p.FlowLogRetention = 31 }, []string{"FlowLogRetention: is 31 days"}},
		{"no policy", func(p *network.Props) { p.Policies = nil }, []string{"Policies: nothing says what may pass the endpoint of bedrock-runtime"}},
		{"empty statement", func(p *network.Props) { p.Policies[network.Logs] = []network.Statement{{}} }, []string{"Policies: statement 0 of logs needs actions and resources"}},
		{"policy for nothing", func(p *network.Props) { p.Policies[network.SSM] = someBucket }, []string{"Policies: nothing needs an endpoint of ssm"}},
		{"large policy", func(p *network.Props) {
			p.Policies[network.S3] = []network.Statement{{Actions: []string{"s3:GetObject"}, Resources: []string{strings.Repeat("x", network.MaxPolicyBytes)}}}
		}, []string{"Policies: that of s3 has 2"}},
		{"archive without a bucket", func(p *network.Props) { p.Needs.Archive = true }, []string{"Policies: nothing says what may pass the endpoint of s3"}},
		{"unknown service", func(p *network.Props) { p.Also = []network.Service{"sqs"} }, []string{`Also: "sqs" is no service`}},
		{"no endpoints in a new VPC", func(p *network.Props) { p.Endpoints = network.EndpointsExisting },
			[]string{`Endpoints: "existing" is for an imported VPC`, "EndpointGroupIDs: is empty", "Policies: are for endpoints that are created"}},
		{"unknown choice", func(p *network.Props) { p.Endpoints = "some" }, []string{`Endpoints: is "some"; allowed are "created" and "existing"`}},
		{"groups without need", func(p *network.Props) { p.EndpointGroupIDs = []string{"sg-00000001"} }, []string{`EndpointGroupIDs: is for Endpoints "existing"`}},
		{"prefix list", func(p *network.Props) { p.PrefixLists = map[network.Service]string{network.S3: "s3"} }, []string{`PrefixLists: s3 has "s3"`}},
		{"created and imported", func(p *network.Props) {
			*p = imported(t)
			p.Zones, p.CIDR, p.NAT, p.FlowLogRetention, p.KeepDefaultGroup, p.Retain = []string{"us-east-1a"}, "10.0.0.0/16", true, 30, true, true
		}, []string{"6 problems", "Zones: is for a new VPC", "CIDR: is for", "NAT: is for", "FlowLogRetention: is for", "KeepDefaultGroup: is for", "Retain: is for"}},
		{"bad import", func(p *network.Props) {
			*p = imported(t)
			p.Import = &network.Import{VpcID: "main", Zones: []string{"us-east-1a", "us-east-1b"}, PublicSubnetIDs: []string{"subnet-00000001"},
				IsolatedSubnetIDs: []string{"subnet-00000001", "vpc-00000001"}}
		}, []string{"5 problems", `Import.VpcID: is "main"`, "Import.PublicSubnetIDs: has 1 elements for 2 zones", `Import.IsolatedSubnetIDs: "vpc-00000001" is no id`,
			"Import.IsolatedRouteTableIDs: has 0 elements for 2 zones", "Import: subnet subnet-00000001 is said to be public and isolated"}},
	}
	_, stack, _ := benchIn(t, "us-east-1")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := forContainers(t)
			test.with(&props)
			refused(t, test.want, func() { network.NewNetwork(stack, "Network", props) })
		})
	}
	t.Run("a Region whose prefix lists nobody knows", func(t *testing.T) {
		_, stack, _ := benchIn(t, "eu-west-1")
		props := forContainers(t)
		props.Zones = []string{"eu-west-1a", "eu-west-1b"}
		refused(t, []string{`PrefixLists: s3 has ""`, "com.amazonaws.<region>.s3"}, func() { network.NewNetwork(stack, "Network", props) })
	})
}
