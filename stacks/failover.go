package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"

	"github.com/genai-pipeline/genai-pipeline/constructs/audit"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// role is what the Region's records are.
func (p place) role() failover.Role {
	switch {
	case p.e.Failover.Mode == environment.ActiveActive:
		return failover.Weighted
	case p.region == p.e.Regions[0]:
		return failover.Primary
	}
	return failover.Secondary
}

// nameBalancer makes the records of a variant behind a balancer: a simple one, or the Region's part of one that fails
// over with a second by which just this Region answers.
func (p place) nameBalancer(stack awscdk.Stack, balancer edge.Balancer, domain string) {
	zone := p.e.Edge.HostedZone
	switch {
	case domain == "" || zone == "":
		return
	case p.e.Failover == nil:
		balancer.AddRecord("Record", domain, zone)
		return
	}
	check := environment.CheckName(p.region, domain)
	balancer.AddRecord("CheckRecord", check, zone)
	if id := p.e.Network.PrefixLists[p.region][checkers]; id != "" {
		failover.AllowCheckers(balancer, id)
	}
	p.failOver(stack, domain, failover.Endpoint{
		Region: p.region, CheckName: check,
		DNSName: *balancer.Balancer().LoadBalancerDnsName(), ZoneID: *balancer.Balancer().LoadBalancerCanonicalHostedZoneId(),
	})
}

// nameAPI is the same for a variant behind an API, which makes its simple records itself.
func (p place) nameAPI(stack awscdk.Stack, domain awsapigateway.DomainName) {
	name := p.e.Serverless.API.Domain
	if p.e.Failover == nil || name == "" {
		return
	}
	p.failOver(stack, name, failover.Endpoint{
		Region: p.region, CheckName: environment.CheckName(p.region, name),
		DNSName: *domain.DomainNameAliasDomainName(), ZoneID: *domain.DomainNameAliasHostedZoneId(),
	})
}

func (p place) failOver(stack awscdk.Stack, name string, to failover.Endpoint) {
	plan, _ := p.e.Recovery() // there is failover
	failover.NewRecord(stack, "Failover", failover.RecordProps{
		Name: name, HostedZoneID: p.e.Edge.HostedZone, Endpoint: to, Role: p.role(), OtherRegion: p.e.Other(p.region), Recovery: plan,
	})
}

// watchArrivals makes the alarm about the first Region that stands in the second.
func (p place) watchArrivals(stack awscdk.Stack, gateway compute.Service, domain string) {
	if p.e.Failover == nil || domain == "" || p.role() != failover.Secondary {
		return
	}
	failover.NewArrivals(stack, "Arrivals", failover.ArrivalsProps{Requests: gateway.Metric(metric.Requests, nil), Primary: p.e.Other(p.region),
		Actions: alarmActions(stack, p.e, p.region)})
}

// global adds what belongs to no Region: the alarms on health checks, whose metrics only one Region has, the trail, and the overview.
func global(app awscdk.App, e environment.Environment) {
	if !e.HasGlobal() {
		return
	}
	domains := e.Domains()
	scope := newStage(app, e, e.GlobalStage(), failover.MetricRegion)
	if e.Failover != nil && len(domains) > 0 {
		stack := newStack(scope, "watch", e, "Alarms on the health of the Regions")
		plan, _ := e.Recovery() // there is failover
		actions := alarmActions(stack, e, failover.MetricRegion)
		for _, name := range slices.Sorted(maps.Values(domains)) {
			hosts := map[string]string{}
			for _, region := range e.Regions {
				hosts[region] = environment.CheckName(region, name)
			}
			failover.NewWatch(stack, "Watch-"+name, failover.WatchProps{Name: name, Hosts: hosts, Recovery: plan, Actions: actions})
		}
	}
	overview(scope, e)
	if e.Audit != nil {
		stack := newStack(scope, "audit", e, "Who did what")
		var buckets []string
		for _, region := range e.Regions {
			if e.Archive != nil {
				buckets = append(buckets, recordsName(e, region))
			}
			if e.Archive != nil && e.Failover != nil {
				buckets = append(buckets, copiesName(e, region))
			}
		}
		audit.NewTrail(stack, "Trail", audit.Props{
			Name: e.Name + "-gateway", MultiRegion: true, DataOnly: e.Audit.DataOnly, Buckets: buckets, Days: e.Audit.Retention,
		})
	}
}
