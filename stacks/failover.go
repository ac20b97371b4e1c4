package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/audit"
	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
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

// nameBalancer makes the records of a variant behind a balancer, once it has its target groups: a simple one, or the
// Region's part of one that fails over with a second by which just this Region answers.
func (p place) nameBalancer(stack awscdk.Stack, balancer edge.Balancer, variant, domain string, groups ...awselasticloadbalancingv2.ApplicationTargetGroup) {
	zone := p.e.Edge.HostedZone
	switch {
	case domain == "" || zone == "":
		return
	case p.e.Failover == nil:
		balancer.AddRecord("Record", domain, zone)
		return
	}
	own := environment.CheckName(p.region, domain)
	balancer.AddRecord("CheckRecord", own, zone)
	to := failover.Endpoint{Region: p.region,
		DNSName: *balancer.Balancer().LoadBalancerDnsName(), ZoneID: *balancer.Balancer().LoadBalancerCanonicalHostedZoneId()}
	if p.e.FollowsAlarms() {
		to.CheckAlarms = p.healthAlarms(stack, variant, groups)
		p.failOver(stack, domain, to, p.e.Following())
		return
	}
	if id := p.e.Network.PrefixLists[p.region][checkers]; id != "" {
		failover.AllowCheckers(balancer, id)
	}
	to.CheckName = own
	p.failOver(stack, domain, to, p.e.Asking())
}

// healthAlarms makes an alarm for each target group, and returns their names. The Region is healthy while one is quiet: of
// two groups that take turns, one is empty. They tell nobody, for the alarms on what follows them do.
func (p place) healthAlarms(stack awscdk.Stack, variant string, groups []awselasticloadbalancingv2.ApplicationTargetGroup) []string {
	names := p.e.HealthAlarms(p.region, variant)
	for i, group := range groups {
		healthy := group.Metrics().HealthyHostCount(&awscloudwatch.MetricOptions{Statistic: jsii.String("Maximum"), Period: awscdk.Duration_Minutes(jsii.Number(1))})
		failover.NewHealthAlarm(stack, fmt.Sprintf("Healthy%d", i), failover.HealthAlarmProps{Name: names[i], Healthy: healthy, Recovery: p.e.Following()})
	}
	return names
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
	}, p.e.Asking())
}

func (p place) failOver(stack awscdk.Stack, name string, to failover.Endpoint, plan recovery.Plan) {
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

// global adds what belongs to no Region: the alarms on health checks, whose metrics only one Region has, the trail, and
// the overview.
func global(app awscdk.App, e environment.Environment) {
	if !e.HasGlobal() {
		return
	}
	domains := e.Domains()
	scope := newStage(app, e, e.GlobalStage(), failover.MetricRegion)
	if e.Failover != nil && len(domains) > 0 {
		stack := newStack(scope, "watch", e, "Alarms on the health of the Regions")
		actions := alarmActions(stack, e, failover.MetricRegion)
		for _, path := range slices.SortedFunc(maps.Keys(domains), func(a, b string) int { return strings.Compare(domains[a], domains[b]) }) {
			failover.NewWatch(stack, "Watch-"+domains[path], watched53(e, path, domains[path], actions))
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

// watched53 is what Route 53 judges a name by, in every Region. The path is of the name's key.
func watched53(e environment.Environment, path, name string, actions []awscloudwatch.IAlarmAction) failover.WatchProps {
	variant, _, _ := strings.Cut(path, ".")
	props := failover.WatchProps{Name: name, Recovery: e.Asking(), Actions: actions}
	follows := e.FollowsAlarms() && variant != settings.VariantServerless
	if follows {
		props.Recovery, props.Alarms = e.Following(), map[string][]string{}
	} else {
		props.Hosts = map[string]string{}
	}
	for _, region := range e.Regions {
		if follows {
			props.Alarms[region] = e.HealthAlarms(region, variant)
		} else {
			props.Hosts[region] = environment.CheckName(region, name)
		}
	}
	return props
}
