package environment

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Network is where containers, instances and a function that asks for it run: made new, or brought along, for each
// Region.
type Network struct {
	Zones            map[string][]string          // by Region: names of two to six availability zones; a new network
	ZoneIDs          map[string]string            // ids by name, as in us-east-1a: use1-az1; default none
	CIDR             string                       // IPv4 range of a new network; default 10.0.0.0/16
	NAT              bool                         // gives the workload a way to the internet; default false
	FlowLogRetention int                          // days; default 30
	PrefixLists      map[string]map[string]string // by Region and service (s3, dynamodb, route53); default: those that are known
	Import           map[string]Import            // by Region: a network that exists
}

// Import is a network that exists. What it is made of was asked of AWS once and stands in a file beside the environment,
// so that synthesis looks nothing up and still knows in which zone and VPC each subnet is.
type Import struct {
	VPC            string
	Zones          []string // those of the subnets, in the order of Isolated
	Public         []string // for the balancer; none for an internal one
	Isolated       []string // for the workload
	RouteTables    []string // of Isolated; required where gateway endpoints are to be made
	EndpointGroups []string // security groups of endpoints that exist; none: endpoints are made
}

const (
	minZones = 2
	maxZones = 6
)

var (
	zoneForm   = regexp.MustCompile(`^[a-z]{2}-[a-z]+-[1-9][a-f]$`)
	zoneIDForm = regexp.MustCompile(`^[a-z]{3,5}[1-9]-az[1-9]$`)
	vpcForm    = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)
	subnetForm = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
	tableForm  = regexp.MustCompile(`^rtb-[0-9a-f]{8,17}$`)
	groupForm  = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)
	listForm   = regexp.MustCompile(`^pl-[0-9a-f]{8,17}$`)
	fileForm   = regexp.MustCompile(`^[A-Za-z0-9._/-]+\.json$`)
)

func (v value) network() *Network {
	n := &Network{CIDR: "10.0.0.0/16", FlowLogRetention: 30}
	v.object(fields{
		"zones":            func(v value) { n.Zones = v.zones() },
		"zoneIds":          func(v value) { n.ZoneIDs = v.zoneIDs() },
		"cidr":             func(v value) { v.cidr(&n.CIDR) },
		"nat":              func(v value) { v.boolean(&n.NAT) },
		"flowLogRetention": func(v value) { v.retention(&n.FlowLogRetention) },
		"prefixLists":      func(v value) { n.PrefixLists = v.prefixLists() },
		"import":           func(v value) { n.Import = v.imports() },
	})
	return n
}

func (v value) zones() map[string][]string {
	zones := map[string][]string{}
	v.entries(func(region string, v value) {
		v.list(func(v value) {
			var zone string
			if !v.match(&zone, zoneForm, `the name of an availability zone, such as "us-east-1a"`) {
				return
			}
			switch {
			case zone[:len(zone)-1] != region:
				v.problem("is %q, which is not in %s; name a zone of that Region", zone, region)
			case slices.Contains(zones[region], zone):
				v.problem("is %q a second time; remove one", zone)
			default:
				zones[region] = append(zones[region], zone)
			}
		})
		if n := len(v.node.Content); n < minZones || n > maxZones {
			v.problem("has %d zones; allowed are %d, which a load balancer needs, to %d", n, minZones, maxZones)
		}
	})
	return zones
}

func (v value) zoneIDs() map[string]string {
	ids := map[string]string{}
	v.entries(func(zone string, v value) {
		var id string
		if v.match(&id, zoneIDForm, `the id of a zone, such as "use1-az1"`) {
			ids[zone] = id
		}
	})
	return ids
}

func (v value) cidr(into *string) {
	var text string
	if !v.text(&text) {
		return
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() || p.Masked() != p || p.Bits() < 16 || p.Bits() > 19 || !p.Addr().IsPrivate() {
		v.problem("is %q; allowed is a private IPv4 range from /16 to /19 that starts at its first address, such as \"10.0.0.0/16\"", text)
		return
	}
	*into = text
}

func (v value) prefixLists() map[string]map[string]string {
	lists := map[string]map[string]string{}
	v.entries(func(region string, v value) {
		s3, dynamo, checkers := "", "", ""
		const words = `the id of a prefix list, such as "pl-63a5400a"`
		v.object(fields{
			"s3":       func(v value) { v.match(&s3, listForm, words) },
			"dynamodb": func(v value) { v.match(&dynamo, listForm, words) },
			"route53":  func(v value) { v.match(&checkers, listForm, words) },
		})
		lists[region] = map[string]string{"s3": s3, "dynamodb": dynamo, "route53": checkers}
	})
	return lists
}

func (v value) imports() map[string]Import {
	imports := map[string]Import{}
	v.entries(func(region string, v value) {
		var i Import
		file := ""
		ids := func(into *[]string, form *regexp.Regexp, kind string) func(value) {
			return func(v value) {
				v.list(func(v value) {
					var id string
					if v.match(&id, form, `an id such as "`+kind+`-0123456789abcdef0"`) {
						*into = append(*into, id)
					}
				})
			}
		}
		v.object(fields{
			"vpc":            func(v value) { v.match(&i.VPC, vpcForm, `an id such as "vpc-0123456789abcdef0"`) },
			"subnetsFile":    func(v value) { v.match(&file, fileForm, "the path of a .json file, from this file's folder") },
			"public":         ids(&i.Public, subnetForm, "subnet"),
			"isolated":       ids(&i.Isolated, subnetForm, "subnet"),
			"routeTables":    ids(&i.RouteTables, tableForm, "rtb"),
			"endpointGroups": ids(&i.EndpointGroups, groupForm, "sg"),
		}, "vpc", "subnetsFile", "isolated")
		if i.VPC != "" && file != "" {
			v.described(&i, region, file)
		}
		imports[region] = i
	})
	return imports
}

// described holds an import against what AWS said of its subnets.
func (v value) described(i *Import, region, file string) {
	at := join(v.path, "subnetsFile")
	known, err := readSubnets(filepath.Join(filepath.Dir(v.d.file), file))
	if err != nil {
		v.d.problem(at, "is %q, which %v; make it with: aws ec2 describe-subnets --region %s --filters Name=vpc-id,Values=%s > %s",
			file, err, region, i.VPC, file)
		return
	}
	zonesOf := func(key string, ids []string) []string {
		var zones []string
		for n, id := range ids {
			path := fmt.Sprintf("%s.%s[%d]", v.path, key, n)
			subnet, ok := known[id]
			switch {
			case !ok:
				v.d.problem(path, "is %s, which %s does not describe; it has %s", id, file, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			case subnet.VpcId != i.VPC:
				v.d.problem(path, "is %s, a subnet of %s, and vpc is %s; name a subnet of that VPC", id, subnet.VpcId, i.VPC)
			case !strings.HasPrefix(subnet.AvailabilityZone, region) || len(subnet.AvailabilityZone) != len(region)+1:
				v.d.problem(path, "is %s, which is in zone %s and not in %s", id, subnet.AvailabilityZone, region)
			case slices.Contains(zones, subnet.AvailabilityZone):
				v.d.problem(path, "is %s, the second in zone %s; name one for each zone", id, subnet.AvailabilityZone)
			default:
				zones = append(zones, subnet.AvailabilityZone)
			}
		}
		return zones
	}
	i.Zones = zonesOf("isolated", i.Isolated)
	public := zonesOf("public", i.Public)
	if len(i.Isolated) < minZones {
		v.d.problem(join(v.path, "isolated"), "has %d subnets; a load balancer needs those of %d zones at least", len(i.Isolated), minZones)
	}
	if len(i.Public) > 0 && len(public) == len(i.Public) && !slices.Equal(public, i.Zones) {
		v.d.problem(join(v.path, "public"), "are in the zones %s, and isolated in %s; name one of each for every zone, in the same order",
			strings.Join(public, ", "), strings.Join(i.Zones, ", "))
	}
	if len(i.EndpointGroups) == 0 && len(i.RouteTables) != len(i.Isolated) {
		v.d.problem(join(v.path, "routeTables"), "has %d elements for %d isolated subnets; name that of each, for the gateway endpoints, "+
			"or name endpointGroups if the VPC has its endpoints", len(i.RouteTables), len(i.Isolated))
	}
}

type subnet struct{ SubnetId, VpcId, AvailabilityZone string }

// readSubnets reads what aws ec2 describe-subnets prints, by id.
func readSubnets(path string) (map[string]subnet, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s", readFailure(err))
	}
	var file struct{ Subnets []subnet }
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("is not JSON: %w", err)
	}
	known := map[string]subnet{}
	for _, s := range file.Subnets {
		known[s.SubnetId] = s
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("describes no subnet")
	}
	return known, nil
}

// withoutFargate are ids of the zones where Fargate has no Graviton (AWS documentation, read 2026-11-22).
var withoutFargate = []string{"use1-az3"}

// network holds the network against the Regions and what runs in it.
func (c checker) network(e *Environment) {
	if !e.placed() {
		if e.Network != nil {
			c.d.problem("network", "is used by nothing: only containers, instances and serverless with vpc: true run in one; remove it, or add one of those")
		}
		return
	}
	if e.Network == nil {
		c.d.problem("network", "is missing; containers, instances and serverless.vpc need one; add network: with zones for each Region")
		return
	}
	n := e.Network
	c.regional("network.zones", slices.Collect(maps.Keys(n.Zones)), e.Regions)
	c.regional("network.import", slices.Collect(maps.Keys(n.Import)), e.Regions)
	c.regional("network.prefixLists", slices.Collect(maps.Keys(n.PrefixLists)), e.Regions)
	for _, region := range e.Regions {
		_, made := n.Zones[region]
		_, brought := n.Import[region]
		switch {
		case made && brought:
			c.d.problem("network.import."+region, "is there, and network.zones.%s too: either a network is made or it exists; remove one", region)
		case !made && !brought:
			c.d.problem("network", "says nothing of %s, which is one of regions; add zones or import for it", region)
		case brought && n.NAT:
			c.d.problem("network.nat", "is for a new network, and that of %s is imported; its routes are its owner's: remove nat", region)
		}
	}
	for _, zone := range slices.Sorted(maps.Keys(n.ZoneIDs)) {
		path := "network.zoneIds." + zone
		if !slices.Contains(slices.Concat(slices.Collect(maps.Values(n.Zones))...), zone) && !n.imports(zone) {
			c.d.problem(path, "is of a zone that the network does not have; remove it")
		}
		if e.Containers != nil && slices.Contains(withoutFargate, n.ZoneIDs[zone]) {
			c.d.problem(path, "is %s, where Fargate has no Graviton; take another zone", n.ZoneIDs[zone])
		}
	}
	c.reachable(e)
}

func (n Network) imports(zone string) bool {
	for _, i := range n.Import {
		if slices.Contains(i.Zones, zone) {
			return true
		}
	}
	return false
}

// regional refuses what is said of a Region that the environment does not have.
func (c checker) regional(path string, given, regions []string) {
	slices.Sort(given)
	for _, region := range given {
		if !slices.Contains(regions, region) {
			c.d.problem(path+"."+region, "is none of regions, which has %s%s; correct or remove it",
				strings.Join(regions, ", "), didYouMean(region, regions))
		}
	}
}

// reachable refuses what a workload without a way out of its VPC could never reach.
func (c checker) reachable(e *Environment) {
	n := e.Network
	for _, region := range e.Regions {
		if _, brought := n.Import[region]; n.NAT || brought {
			continue // an imported network's routes are its owner's
		}
		for _, m := range e.Models {
			for i, t := range m.Targets {
				if t.Region != "" && t.Region != region {
					c.d.problem(fmt.Sprintf("models.%s.targets[%d].region", m.Alias, i), "is %s, and from isolated subnets in %s only that Region's "+
						"Bedrock can be reached; write network.nat: true, or a profile that is called in the stack's Region", t.Region, region)
				}
			}
		}
		if e.Auth.Mode == AuthOIDC {
			c.d.problem("auth.mode", `is "oidc", and from isolated subnets nobody reaches the issuer's keys; write network.nat: true, or mode: keys`)
			return
		}
	}
}

// placed tells whether anything runs in a network.
func (e Environment) placed() bool {
	return e.Containers != nil || e.Instances != nil || e.Serverless != nil && e.Serverless.VPC
}
