package environment

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Edge is what stands before the variants: who may reach their balancers, by which certificate and behind which web ACL.
// The web ACL and the certificate are those of an API too.
type Edge struct {
	Certificates       map[string]string // by Region: ARN in AWS Certificate Manager; required for balancers and domains
	InternetFacing     bool              // balancers have public addresses; default false
	Callers            []string          // IPv4 ranges that may call the balancers; required for them
	OpenReason         string            // why 0.0.0.0/0 is among Callers; else empty
	HostedZone         string            // id of the Route 53 zone of the domains; default none: records are made elsewhere
	RequestsPerIP      int               // in five minutes, until the web ACL blocks an address; default 2000
	NoFirewallReason   string            // why there is no web ACL; default empty: there is one
	AccessLogRetention int               // days that the balancers' logs are kept; default 90
}

const world = "0.0.0.0/0"

// defaultRequestsPerIP is about seven a second.
const defaultRequestsPerIP = 2000

var (
	certificateForm = regexp.MustCompile(`^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$`)
	zoneOfNamesForm = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
	domainForm      = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$`)
	// openForm is what AWS takes as the description of a security group's rule.
	openForm = regexp.MustCompile(`^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{20,240}$`)
)

const openWords = "a sentence of 20 to 240 letters A to Z, digits, blanks and ._-:/()#,@[]+=&;{}!$*"

func (v value) edge(e *Edge) {
	v.object(fields{
		"certificates":   func(v value) { e.Certificates = v.certificates() },
		"internetFacing": func(v value) { v.boolean(&e.InternetFacing) },
		"callers":        func(v value) { e.Callers = v.callers() },
		"openReason":     func(v value) { v.match(&e.OpenReason, openForm, openWords) },
		"hostedZone": func(v value) {
			v.match(&e.HostedZone, zoneOfNamesForm, `the id of a Route 53 zone, such as "Z0123456789ABCDEFGHIJ"`)
		},
		"requestsPerIp":      func(v value) { v.integer(&e.RequestsPerIP, 10, 2_000_000_000) },
		"noFirewallReason":   func(v value) { v.match(&e.NoFirewallReason, reasonForm, "a sentence of at least 20 characters") },
		"accessLogRetention": func(v value) { v.integer(&e.AccessLogRetention, 1, 3653) },
	})
	if both := join(v.path, "requestsPerIp"); e.NoFirewallReason != "" && v.d.lines[both] != 0 {
		v.d.problem(both, "is of the web ACL, and noFirewallReason says that there is none; remove one")
	}
}

func (v value) certificates() map[string]string {
	arns := map[string]string{}
	v.entries(func(region string, v value) {
		var arn string
		if !v.match(&arn, certificateForm, `the ARN of a certificate in AWS Certificate Manager, such as "arn:aws:acm:us-east-1:123456789012:certificate/0123abcd"`) {
			return
		}
		if home := strings.Split(arn, ":")[3]; home != region {
			v.problem("is a certificate in %s, and a balancer in %s takes only one of its own Region", home, region)
			return
		}
		arns[region] = arn
	})
	return arns
}

func (v value) callers() []string {
	var cidrs []string
	v.list(func(v value) {
		var text string
		if !v.text(&text) {
			return
		}
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil || !p.Addr().Is4() || p.Masked() != p:
			v.problem("is %q; allowed is an IPv4 range that starts at its first address, such as \"203.0.113.0/24\"", text)
		case p.Bits() < 8 && text != world:
			v.problem("is %s, wider than /8; name the callers, or %s with openReason", text, world)
		case slices.Contains(cidrs, text):
			v.problem("is %q a second time; remove one", text)
		default:
			cidrs = append(cidrs, text)
		}
	})
	return cidrs
}

// edge holds what stands before the variants against the variants.
func (c checker) edge(e *Environment) {
	c.regional("edge.certificates", slices.Collect(maps.Keys(e.Edge.Certificates)), e.Regions)
	balancers, domains := e.Containers != nil || e.Instances != nil, e.Domains()
	if balancers || len(domains) > 0 {
		c.certificates(e, balancers)
	}
	c.names(e, domains)
	if balancers {
		c.callers(e)
	} else if path := "edge.callers"; c.d.lines[path] != 0 {
		c.d.problem(path, "is of balancers, and there is neither containers nor instances; remove it")
	}
}

func (c checker) certificates(e *Environment, balancers bool) {
	for _, region := range e.Regions {
		if e.Edge.Certificates[region] != "" || c.d.lines["edge.certificates."+region] != 0 {
			continue
		}
		why := "a domain is served by TLS alone"
		if balancers {
			why = "a balancer speaks nothing but HTTPS"
		}
		c.d.problem("edge.certificates."+region, "is missing; %s; add the ARN of a certificate in AWS Certificate Manager, %s", why, region)
	}
}

func (c checker) callers(e *Environment) {
	open := slices.Contains(e.Edge.Callers, world)
	switch {
	case len(e.Edge.Callers) == 0 && c.d.lines["edge.callers"] == 0:
		c.d.problem("edge.callers", "is missing; name the IPv4 ranges that may call the balancers")
	case open && len(e.Edge.Callers) > 1:
		c.d.problem("edge.callers", "has %s, which makes the others void; remove them, or it", world)
	case open && !e.Edge.InternetFacing:
		c.d.problem("edge.callers", "has %s, and internetFacing is not true: name the ranges that reach the VPC, or write internetFacing: true", world)
	case open && e.Edge.OpenReason == "" && c.d.lines["edge.openReason"] == 0:
		c.d.problem("edge.callers", "has %s: the whole internet could call; name the callers, or add openReason, %s, that says why that is meant", world, openWords)
	case !open && c.d.lines["edge.openReason"] != 0:
		c.d.problem("edge.openReason", "is only for callers with %s; remove it", world)
	}
	if e.Network == nil || !e.Edge.InternetFacing {
		return
	}
	for _, region := range e.Regions {
		if i, brought := e.Network.Import[region]; brought && len(i.Public) == 0 {
			c.d.problem("edge.internetFacing", "is true, and network.import.%s has no public subnets; name them, or write false", region)
		}
	}
}

// Domains are the names that variants ask for, by the path of the key.
func (e Environment) Domains() map[string]string {
	found := map[string]string{}
	add := func(path, name string) {
		if name != "" {
			found[path] = name
		}
	}
	if e.Serverless != nil && e.Serverless.API != nil {
		add("serverless.api.domain", e.Serverless.API.Domain)
	}
	if e.Containers != nil {
		add("containers.domain", e.Containers.Domain)
	}
	if e.Instances != nil {
		add("instances.domain", e.Instances.Domain)
	}
	return found
}

// names refuses one name for two variants, and a zone that no record would be in.
func (c checker) names(e *Environment, domains map[string]string) {
	seen := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(domains)) {
		if first, double := seen[domains[path]]; double {
			c.d.problem(path, "is %q, as is %s; give each variant a name of its own", domains[path], first)
		}
		seen[domains[path]] = path
	}
	if len(domains) == 0 && c.d.lines["edge.hostedZone"] != 0 {
		c.d.problem("edge.hostedZone", "is for records, and no variant has a domain; add one, such as containers.domain, or remove it")
	}
}

func (v value) domain(into *string) {
	v.match(into, domainForm, fmt.Sprintf("the name of a host in lower case, such as %q", "gateway.example.com"))
}
