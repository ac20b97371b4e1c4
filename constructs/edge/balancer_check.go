package edge

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/text"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// NoFirewallMetadata is the key in a balancer's metadata that holds the reason why it has no web ACL.
const NoFirewallMetadata = "GenAI::NoFirewall"

const (
	world = "0.0.0.0/0"
)

var certificateARN = regexp.MustCompile(`^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/\S+$`)

func (p BalancerProps) filled() BalancerProps {
	if p.StreamBudget == 0 {
		p.StreamBudget = 300 * time.Second
	}
	if p.PingInterval == 0 {
		p.PingInterval = 15 * time.Second
	}
	if p.LogRetention == 0 {
		p.LogRetention = 90
	}
	return p
}

func (p BalancerProps) check(id string, anyRegion bool) {
	var problems check.Problems
	problems.If(p.Vpc == nil, "Vpc: is nil; give that of a network")
	problems.If(p.Subnets == nil, "Subnets: is nil; give the balancer's subnets of a network")
	checkCertificate(&problems, "CertificateARN", p.CertificateARN)
	p.checkCallers(&problems)
	problems.If(p.PingInterval < time.Second, "PingInterval: is %s; allowed is 1s or more", p.PingInterval)
	problems.If(p.StreamBudget <= 2*p.PingInterval || p.StreamBudget%time.Second != 0 || budget.BalancerIdle(p.StreamBudget) > budget.MostIdle,
		"StreamBudget: is %s; allowed are whole seconds, more than two of PingInterval (%s), to %s, for the balancer waits 5s longer and at most %s",
		p.StreamBudget, p.PingInterval, budget.MostIdle-budget.BalancerIdle(0), budget.MostIdle)
	problems.If(p.NoFirewallReason != "" && p.Firewall != WebACLProps{}, "Firewall: is set, and NoFirewallReason too; remove one")
	p.Firewall.collect(&problems, "Firewall.")
	problems.If(p.LogRetention < 1, "LogRetention: is %d days; allowed is 1 or more", p.LogRetention)
	problems.If(anyRegion, "the stack does not say its Region, which the policy for access logs depends on; give it an account and a Region")
	problems.Panic(fmt.Sprintf("edge.NewBalancer(%q)", id))
}

func (p BalancerProps) checkCallers(problems *check.Problems) {
	problems.If(len(p.CIDRs) == 0, "CIDRs: is empty; name the ranges that may call")
	open := slices.Contains(p.CIDRs, world)
	for i, cidr := range p.CIDRs {
		prefix, err := netip.ParsePrefix(cidr)
		problems.If(err != nil || !prefix.Addr().Is4() || prefix.Masked() != prefix, "CIDRs: %q is no IPv4 range that starts at its first address", cidr)
		// Two halves of the internet are the internet: nothing that large is an organization.
		problems.If(err == nil && prefix.Bits() < 8 && cidr != world, "CIDRs: %s is wider than /8; name the callers, or %s with OpenReason", cidr, world)
		problems.If(slices.Contains(p.CIDRs[:i], cidr), "CIDRs: %s is there twice", cidr)
	}
	problems.If(open && len(p.CIDRs) > 1, "CIDRs: %s makes the others void; remove them, or it", world)
	problems.If(open && !p.InternetFacing, "CIDRs: %s is for InternetFacing; name the VPC's range, or those connected to it", world)
	problems.If(open && strings.TrimSpace(p.OpenReason) == "", "OpenReason: is empty; say why the whole internet may call, or name the CIDRs that may")
	problems.If(!open && p.OpenReason != "", "OpenReason: is only for the CIDR %s; remove it", world)
	problems.Text("OpenReason", p.ruleText(world), text.SecurityGroup)
}

func (p BalancerProps) ruleText(cidr string) string {
	if cidr == world {
		return "Anyone: " + p.OpenReason
	}
	return "Callers in " + cidr
}

func checkCertificate(problems *check.Problems, prop, arn string) {
	problems.If(arn == "", "%s: is empty; there is no gateway without TLS. Give the ARN of a certificate in AWS Certificate Manager", prop)
	problems.If(arn != "" && !token.In(arn) && !certificateARN.MatchString(arn),
		"%s: is %q; give the ARN of a certificate in AWS Certificate Manager", prop, arn)
}
