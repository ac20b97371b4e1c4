package diff

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/diff/iam"
)

// opening is one rule of a security group.
type opening struct {
	outward  bool
	protocol string // "tcp", "udp", "-1" for all
	from, to string // ports, or texts that are not numbers
	peer     string // an address block, or what else may connect
	block    bool   // the peer is an address block
}

// String writes the rule on one line.
func (o opening) String() string {
	ports := "port " + o.from
	switch {
	case o.protocol == "-1":
		ports = "all protocols and ports"
	case o.from == "" || o.from == "-1":
		ports = o.protocol + ", all ports"
	case o.from != o.to:
		ports = fmt.Sprintf("%s, ports %s to %s", o.protocol, o.from, o.to)
	default:
		ports = o.protocol + ", " + ports
	}
	if o.outward {
		return ports + " to " + o.peer
	}
	return ports + " from " + o.peer
}

// everythingOut is what a group without rules for what goes out allows.
var everythingOut = opening{outward: true, protocol: "-1", peer: "0.0.0.0/0", block: true}

// judgeGroups finds connections that security groups allow and did not allow before.
func judgeGroups(s side) []Finding {
	before, after := openings(s.before), openings(s.after)
	for id, r := range s.after.Resources {
		// Without rules in the group itself everything may go out. CloudFormation takes that away once there are rules
		// elsewhere (github.com/aws/aws-cdk/pull/998), so of before it counts only if there were none.
		if r.Type != "AWS::EC2::SecurityGroup" || r.Properties["SecurityGroupEgress"] != nil {
			continue
		}
		outward := slices.ContainsFunc(before[id], func(o opening) bool { return o.outward })
		if s.had(id) && s.before.Resources[id].Properties["SecurityGroupEgress"] == nil && !outward {
			before[id] = append(before[id], everythingOut)
		}
		after[id] = append(after[id], everythingOut)
	}
	var found []Finding
	for group, rules := range after {
		f := Finding{Category: Broadening, Resource: group, May: true}
		if _, ours := s.after.Resources[group]; !ours {
			f.Name, f.Type = group, "elsewhere"
		}
		world := f
		world.Category, world.May = Exposure, false
		for _, o := range rules {
			covered := o.coveredBy(before[group])
			if covered == iam.Yes {
				continue
			}
			f.Details = append(f.Details, o.String())
			f.May = f.May && covered == iam.Maybe
			if !o.outward && o.world() {
				world.Details = append(world.Details, o.String())
			}
		}
		if len(f.Details) > 0 {
			f.Summary = map[bool]string{true: "may let", false: "lets"}[f.May] + " connections through that it did not"
			found = append(found, f)
		}
		if len(world.Details) > 0 {
			world.Summary = "lets the whole internet connect"
			found = append(found, world)
		}
	}
	return found
}

func (o opening) world() bool {
	return o.block && (iam.Within(o.peer, "0.0.0.0/0") == iam.Yes || iam.Within(o.peer, "::/0") == iam.Yes)
}

// coveredBy tells whether one of the rules lets everything through that this one does.
func (o opening) coveredBy(rules []opening) iam.Verdict {
	best := iam.No
	for _, r := range rules {
		if r.outward == o.outward && (r.protocol == "-1" || r.protocol == o.protocol) {
			best = max(best, min(r.coversPeer(o), r.coversPorts(o)))
		}
	}
	return best
}

func (o opening) coversPeer(other opening) iam.Verdict {
	switch {
	case o.peer == other.peer:
		return iam.Yes
	case !literal(o.peer) || !literal(other.peer):
		return iam.Maybe
	case o.block && other.block:
		return iam.Within(o.peer, other.peer)
	}
	return iam.No
}

func (o opening) coversPorts(other opening) iam.Verdict {
	if o.protocol == "-1" || o.from == other.from && o.to == other.to {
		return iam.Yes
	}
	var ports [4]int
	for i, text := range []string{o.from, o.to, other.from, other.to} {
		var err error
		if ports[i], err = strconv.Atoi(text); err != nil && text != "" {
			return iam.Maybe
		} else if text == "" {
			return iam.No // all ports, on one side only
		}
	}
	if ports[0] <= ports[2] && ports[3] <= ports[1] {
		return iam.Yes
	}
	return iam.No
}

// openings collects the rules of a stack by the security group they belong to.
func openings(s *assembly.Stack) map[string][]opening {
	c := collector{texter: texter{s}}
	found := map[string][]opening{}
	add := func(group string, outward bool, properties any) {
		object, _ := properties.(map[string]any)
		found[group] = append(found[group], c.opening(outward, object))
	}
	for id, r := range s.Resources {
		switch r.Type {
		case "AWS::EC2::SecurityGroup":
			for _, rule := range list(r.Properties["SecurityGroupIngress"]) {
				add(id, false, rule)
			}
			for _, rule := range list(r.Properties["SecurityGroupEgress"]) {
				add(id, true, rule)
			}
		case "AWS::EC2::SecurityGroupIngress":
			add(c.subject(r.Properties["GroupId"]), false, r.Properties)
		case "AWS::EC2::SecurityGroupEgress":
			add(c.subject(r.Properties["GroupId"]), true, r.Properties)
		}
	}
	for _, rules := range found {
		slices.SortFunc(rules, func(a, b opening) int { return slices.Compare(a.key(), b.key()) })
	}
	return found
}

func (o opening) key() []string { return []string{strconv.FormatBool(o.outward), o.String()} }

func (c collector) opening(outward bool, properties map[string]any) opening {
	o := opening{outward: outward, protocol: c.text(properties["IpProtocol"]), from: c.text(properties["FromPort"]), to: c.text(properties["ToPort"])}
	if name, ok := map[string]string{"6": "tcp", "17": "udp", "1": "icmp"}[o.protocol]; ok {
		o.protocol = name
	}
	for _, name := range []string{"CidrIp", "CidrIpv6"} {
		if text := c.text(properties[name]); text != "" {
			o.peer, o.block = text, true
		}
	}
	for _, name := range []string{"SourceSecurityGroupId", "DestinationSecurityGroupId", "SourcePrefixListId", "DestinationPrefixListId", "SourceSecurityGroupName"} {
		if value := properties[name]; value != nil {
			o.peer = c.subject(value)
			if _, ours := c.stack.Resources[o.peer]; !ours {
				o.peer = c.text(value)
			}
		}
	}
	if o.peer == "" {
		o.peer = c.unknown(properties)
	}
	return o
}
