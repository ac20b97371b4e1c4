package network

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

const (
	minZones = 2 // what an Application Load Balancer needs
	maxZones = 6 // as many as any Region has, and the address plan has room for
)

// withoutFargate are ids of the zones where Fargate has no Graviton.
var withoutFargate = []string{"use1-az3"}

// prefixLists are AWS's own, by Region. There are more Regions: a prop names theirs.
var prefixLists = map[string]map[Service]string{
	"us-east-1": {S3: "pl-63a5400a", DynamoDB: "pl-02cd2c6b"},
	"us-west-2": {S3: "pl-68a54001", DynamoDB: "pl-00a54069"},
}

// retentions are the numbers of days that CloudWatch Logs offers.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var (
	zoneName   = regexp.MustCompile(`^([a-z]{2}(-[a-z]+)+-[0-9])[a-z]$`)
	resourceID = regexp.MustCompile(`^(vpc|subnet|rtb|sg|pl)-[0-9a-f]{8,17}$`)
)

func (p Props) filled(region string) Props {
	if p.Endpoints == "" {
		p.Endpoints = EndpointsCreated
	}
	known := maps.Clone(prefixLists[region])
	if known == nil {
		known = map[Service]string{}
	}
	maps.Copy(known, p.PrefixLists)
	p.PrefixLists = known
	if p.Import != nil {
		return p
	}
	if p.CIDR == "" {
		p.CIDR = "10.0.0.0/16"
	}
	if p.FlowLogRetention == 0 {
		p.FlowLogRetention = 30
	}
	return p
}

func (p Props) check(id, region string) {
	var problems check.Problems
	if p.Import != nil {
		p.checkImport(&problems, region)
	} else {
		p.checkCreation(&problems, region)
	}
	zones := p.Zones
	if p.Import != nil {
		zones = p.Import.Zones
	}
	for _, name := range slices.Sorted(maps.Keys(p.ZoneIDs)) {
		problems.If(!slices.Contains(zones, name), "ZoneIDs: has %s, which is none of the zones %v", name, zones)
		problems.If(p.Needs.Containers && slices.Contains(withoutFargate, p.ZoneIDs[name]),
			"ZoneIDs: %s is %s, where Fargate has no Graviton; take another zone", name, p.ZoneIDs[name])
	}
	p.checkEndpoints(&problems)
	problems.Panic(fmt.Sprintf("network.NewNetwork(%q)", id))
}

func (p Props) checkCreation(problems *check.Problems, region string) {
	checkZones(problems, "Zones", p.Zones, region)
	cidr, err := netip.ParsePrefix(p.CIDR)
	problems.If(err != nil || !cidr.Addr().Is4() || cidr.Masked() != cidr || cidr.Bits() < 16 || cidr.Bits() > 19,
		"CIDR: is %q; give an IPv4 range from /16 to /19 that starts at its first address, such as 10.0.0.0/16", p.CIDR)
	problems.If(err == nil && cidr.Addr().Is4() && !cidr.Addr().IsPrivate(), "CIDR: %s is not of a private range (10/8, 172.16/12, 192.168/16)", p.CIDR)
	problems.If(!slices.Contains(retentions, p.FlowLogRetention), "FlowLogRetention: is %d days, which CloudWatch Logs does not offer", p.FlowLogRetention)
	problems.If(p.Endpoints == EndpointsExisting, "Endpoints: %q is for an imported VPC; a new one has none", p.Endpoints)
}

func (p Props) checkImport(problems *check.Problems, region string) {
	from := *p.Import
	for _, prop := range []struct {
		name string
		set  bool
	}{{"Zones", p.Zones != nil}, {"CIDR", p.CIDR != ""}, {"NAT", p.NAT}, {"FlowLogRetention", p.FlowLogRetention != 0},
		{"KeepDefaultGroup", p.KeepDefaultGroup}, {"Retain", p.Retain}} {
		problems.If(prop.set, "%s: is for a new VPC; remove it, or Import", prop.name)
	}
	problems.If(!isID(from.VpcID, "vpc"), "Import.VpcID: is %q; give an id such as vpc-0123456789abcdef0", from.VpcID)
	checkZones(problems, "Import.Zones", from.Zones, region)
	lists := []struct {
		name, kind string
		ids        []string
		required   bool
	}{
		{"PublicSubnetIDs", "subnet", from.PublicSubnetIDs, false},
		{"IsolatedSubnetIDs", "subnet", from.IsolatedSubnetIDs, true},
		{"IsolatedRouteTableIDs", "rtb", from.IsolatedRouteTableIDs, p.Endpoints == EndpointsCreated && slices.ContainsFunc(p.services(), Service.gateway)},
	}
	for _, list := range lists {
		problems.If((list.required || len(list.ids) > 0) && len(list.ids) != len(from.Zones),
			"Import.%s: has %d elements for %d zones; give one for each", list.name, len(list.ids), len(from.Zones))
		for _, id := range list.ids {
			problems.If(!isID(id, list.kind), "Import.%s: %q is no id of the kind %s-…", list.name, id, list.kind)
		}
	}
	for _, id := range from.PublicSubnetIDs {
		problems.If(slices.Contains(from.IsolatedSubnetIDs, id), "Import: subnet %s is said to be public and isolated", id)
	}
}

func checkZones(problems *check.Problems, prop string, zones []string, region string) {
	problems.If(len(zones) < minZones || len(zones) > maxZones, "%s: has %d zones; give %d to %d", prop, len(zones), minZones, maxZones)
	for i, zone := range zones {
		name := zoneName.FindStringSubmatch(zone)
		problems.If(name == nil, "%s: %q is no zone's name; give names such as us-east-1a", prop, zone)
		problems.If(name != nil && region != "" && name[1] != region, "%s: %s is not in the stack's Region, %s", prop, zone, region)
		problems.If(slices.Contains(zones[:i], zone), "%s: %s is there twice", prop, zone)
	}
}

func (p Props) checkEndpoints(problems *check.Problems) {
	needed := p.services()
	problems.If(len(needed) == 0 && !p.Needs.Elsewhere, "Needs: is empty; say what runs in the network")
	for _, service := range p.Also {
		problems.If(!slices.Contains(services, service), "Also: %q is no service with an endpoint here; there are %v", service, services)
	}
	for _, service := range needed {
		problems.If(service.gateway() && !isID(p.PrefixLists[service], "pl"), "PrefixLists: %s has %q; give the id of prefix list com.amazonaws.<region>.%s "+
			"(aws ec2 describe-managed-prefix-lists)", service, p.PrefixLists[service], service)
	}
	switch p.Endpoints {
	case EndpointsExisting:
		problems.If(len(p.EndpointGroupIDs) == 0, "EndpointGroupIDs: is empty; name the security groups of the VPC's endpoints, or a workload could reach none")
		problems.If(len(p.Policies) > 0, "Policies: are for endpoints that are created; remove them")
		for _, id := range p.EndpointGroupIDs {
			problems.If(!isID(id, "sg"), "EndpointGroupIDs: %q is no id of the kind sg-…", id)
		}
	case EndpointsCreated:
		problems.If(len(p.EndpointGroupIDs) > 0, "EndpointGroupIDs: is for Endpoints %q; remove it", EndpointsExisting)
		p.checkPolicies(problems, needed)
	default:
		problems.If(true, "Endpoints: is %q; allowed are %q and %q", p.Endpoints, EndpointsCreated, EndpointsExisting)
	}
}

func (p Props) checkPolicies(problems *check.Problems, needed []Service) {
	for _, service := range needed {
		given := p.Policies[service]
		optional := usual(service, "", "") != nil || service == S3 && !p.Needs.Archive && !p.Needs.Instances && p.Needs.Containers
		problems.If(len(given) == 0 && !optional, "Policies: nothing says what may pass the endpoint of %s", service)
		for i, s := range given {
			problems.If(len(s.Actions) == 0 || len(s.Resources) == 0, "Policies: statement %d of %s needs actions and resources", i, service)
		}
		problems.If(size(given) > MaxPolicyBytes, "Policies: that of %s has %d bytes; AWS allows %d", service, size(given), MaxPolicyBytes)
	}
	for _, service := range slices.Sorted(maps.Keys(p.Policies)) {
		problems.If(!slices.Contains(needed, service), "Policies: nothing needs an endpoint of %s; remove its policy", service)
	}
}

// isID tells whether a text is the id of a resource of a kind, or a token that will be one.
func isID(text, kind string) bool {
	if token.In(text) {
		return true
	}
	return resourceID.MatchString(text) && strings.HasPrefix(text, kind+"-")
}
