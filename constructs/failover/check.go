package failover

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

var (
	hostName   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$`)
	alarmName  = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,255}$`)
	zoneID     = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

func (p PairProps) check(id string, scope constructs.Construct) {
	var problems check.Problems
	checkName(&problems, p.Name, p.HostedZoneID)
	problems.If(p.Mode != ActivePassive && p.Mode != ActiveActive, "Mode: is %q; allowed are %q and %q", p.Mode, ActivePassive, ActiveActive)
	for i, e := range []Endpoint{p.Primary, p.Secondary} {
		prop := []string{"Primary.", "Secondary."}[i]
		e.check(&problems, prop, p.Name, p.Mode == ActiveActive)
		e.checkAsked(&problems, prop+"CheckName", p.Name, p.Recovery)
	}
	problems.If(p.Primary.Region != "" && p.Primary.Region == p.Secondary.Region,
		"Secondary.Region: is %s, as that of Primary; a Region does not stand in for itself", p.Secondary.Region)
	problems.If(p.Primary.CheckName != "" && p.Primary.CheckName == p.Secondary.CheckName,
		"Secondary.CheckName: is %s, as that of Primary; each Region needs a name by which only it answers", p.Secondary.CheckName)
	checkPlan(&problems, p.Recovery)
	checkMetricRegion(&problems, scope)
	problems.Panic(fmt.Sprintf("failover.NewPair(%q)", id))
}

func (p RecordProps) check(id string) {
	var problems check.Problems
	checkName(&problems, p.Name, p.HostedZoneID)
	problems.If(!slices.Contains([]Role{Primary, Secondary, Weighted}, p.Role), "Role: is %q; allowed are %q, %q and %q", p.Role, Primary, Secondary, Weighted)
	p.Endpoint.check(&problems, "Endpoint.", p.Name, p.Role == Weighted)
	p.Endpoint.checkAsked(&problems, "Endpoint.CheckName", p.Name, p.Recovery)
	checkRegion(&problems, "OtherRegion", p.OtherRegion)
	problems.If(p.OtherRegion != "" && p.OtherRegion == p.Endpoint.Region,
		"OtherRegion: is %s, as that of Endpoint; a Region does not stand in for itself", p.OtherRegion)
	checkPlan(&problems, p.Recovery)
	problems.Panic(fmt.Sprintf("failover.NewRecord(%q)", id))
}

func (p WatchProps) check(id string, scope constructs.Construct) {
	var problems check.Problems
	problems.If(!hostName.MatchString(p.Name), "Name: is %q; give a host's name in lower case, such as gateway.example.com", p.Name)
	prop := "Hosts"
	if len(p.Alarms) > 0 {
		prop = "Alarms"
	}
	problems.If(len(p.Hosts) > 0 && len(p.Alarms) > 0, "Hosts: is set, and so is Alarms; a watch asks or follows; remove one")
	problems.If(len(p.regions()) < 2, "%s: has %d Regions; give at least two", prop, len(p.regions()))
	for _, region := range p.regions() {
		checkRegion(&problems, prop, region)
		Endpoint{Region: region, CheckName: p.Hosts[region], CheckAlarms: p.Alarms[region]}.checkAsked(&problems, prop+"["+region+"]", p.Name, p.Recovery)
	}
	checkPlan(&problems, p.Recovery)
	checkMetricRegion(&problems, scope)
	problems.Panic(fmt.Sprintf("failover.NewWatch(%q)", id))
}

// checkAsked holds what decides on an endpoint against the plan, which says how long that takes.
func (e Endpoint) checkAsked(problems *check.Problems, prop, name string, plan recovery.Plan) {
	if len(e.CheckAlarms) == 0 {
		problems.If(plan.Alarm != nil, "Recovery.Alarm: is set, and %s has no alarms to follow; name them, or remove it", prop)
		checkHost(problems, prop, e.CheckName, name)
		return
	}
	problems.If(e.CheckName != "", "%s: has a host and alarms; a health check asks or follows; remove one", prop)
	problems.If(plan.Alarm == nil, "Recovery.Alarm: is nil, and %s follows alarms; say in it what they look at", prop)
	for _, alarm := range e.CheckAlarms {
		problems.If(!token.In(alarm) && !alarmName.MatchString(alarm), "%s: %q is no alarm's name, of 1 to 255 letters, digits and ._-/", prop, alarm)
	}
}

func (e Endpoint) check(problems *check.Problems, prop, name string, weighted bool) {
	checkRegion(problems, prop+"Region", e.Region)
	problems.If(e.DNSName == "", "%sDNSName: is empty; give the DNS name of the Region's balancer, or of its API's domain", prop)
	problems.If(e.DNSName != "" && strings.TrimSuffix(e.DNSName, ".") == name, "%sDNSName: is the record's own name, %s", prop, name)
	problems.If(!token.In(e.ZoneID) && !zoneID.MatchString(e.ZoneID),
		"%sZoneID: is %q; give the zone id of the target, such as a balancer's canonical hosted zone id", prop, e.ZoneID)
	problems.If(weighted && (e.weight() < 1 || e.weight() > 255), "%sWeight: is %d; allowed is 1 to 255", prop, e.Weight)
	problems.If(!weighted && e.Weight != 0, "%sWeight: is %d, and only records that share callers have one; remove it", prop, e.Weight)
}

func checkName(problems *check.Problems, name, zone string) {
	problems.If(!hostName.MatchString(name), "Name: is %q; give a host's name in lower case, such as gateway.example.com", name)
	problems.If(!token.In(zone) && !zoneID.MatchString(zone), "HostedZoneID: is %q; give an id such as Z0123456789ABCDEFGHIJ", zone)
}

func checkHost(problems *check.Problems, prop, host, name string) {
	problems.If(!token.In(host) && !hostName.MatchString(host), "%s: is %q; give the name of a host, without a scheme or a path", prop, host)
	problems.If(host != "" && host == name, "%s: is %s, the name that fails over, so the check would follow it; give one that stays in the Region", prop, host)
}

func checkRegion(problems *check.Problems, prop, region string) {
	problems.If(!regionName.MatchString(region), "%s: is %q; give a Region such as us-west-2", prop, region)
}

func checkPlan(problems *check.Problems, plan recovery.Plan) {
	for _, problem := range plan.Problems() {
		problems.If(true, "Recovery.%s", problem)
	}
}

// checkMetricRegion refuses a stack that could not have alarms on health checks.
func checkMetricRegion(problems *check.Problems, scope constructs.Construct) {
	own := token.Region(scope)
	problems.If(own != MetricRegion, "the stack's Region is %q; only %s has the metrics of health checks, so give it a stack there, or make a Record in each Region's", own, MetricRegion)
}
