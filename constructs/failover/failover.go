// Package failover leads callers from one Region to another: records of Route 53 with health checks that judge the
// gateway, and alarms.
//
// Nothing here refers across Regions. Route 53 is global, so a Pair can name two Regions from one stack; or each Region's
// own stack makes its own Record, and the two find together by name alone. The metrics of health checks are in us-east-1
// only, so that is where a Pair or a Watch belongs.
//
// A health check asks from the internet, several times a second in all, and looks at no certificate: a balancer must be
// internet-facing and let the checkers in (AllowCheckers), an API must ask no signature of them, and an expired
// certificate is found by somebody else (Amazon Route 53 Developer Guide, read 2026-11-23). With a function behind the
// API each of those checks is an invocation. What the checkers cannot reach is judged by alarms instead (NewHealthAlarm).
// Package recovery says how long all this takes.
//
// It must not know what runs in a Region, nor environments and stages.
package failover

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
)

// MetricRegion is the only Region that has the metrics of health checks.
const MetricRegion = "us-east-1"

// Mode says which Regions get callers.
type Mode string

// The modes.
const (
	// ActivePassive sends all callers to the primary, and to the secondary while the primary is unhealthy.
	ActivePassive Mode = "active-passive"
	// ActiveActive sends each Region its share of callers, by weight, and all to the other while one is unhealthy.
	ActiveActive Mode = "active-active"
)

// Endpoint is where callers of one Region go.
type Endpoint struct {
	Region string // required, as in us-east-1
	// DNSName and ZoneID are the target of an alias record. Required: of a balancer its DNS name and canonical hosted zone
	// id, of an API the alias's name and zone id of its regional domain name, or another record of the same zone.
	DNSName, ZoneID string
	// CheckName is the host that health checks ask, on port 443: a name by which just this Region answers, not the one that
	// fails over. A balancer takes any; an API only one of its custom domains. Required without CheckAlarms.
	CheckName string
	// CheckAlarms are names of CloudWatch alarms in the Region, which health checks follow instead, for an endpoint that
	// the checkers cannot reach: see NewHealthAlarm. The Region is healthy while one of them is not raised. Recovery.Alarm
	// says what they look at.
	CheckAlarms []string
	Weight      int // ActiveActive: the Region's share of the sum, 1 to 255, default 100; else 0
}

// PairProps says what a Pair leads to.
type PairProps struct {
	Name         string        // required; the name that callers use, which certificates of both Regions must have
	HostedZoneID string        // required; the Route 53 zone of the name
	Mode         Mode          // default ActivePassive
	Primary      Endpoint      // required
	Secondary    Endpoint      // required, in another Region
	Recovery     recovery.Plan // its KeepAlive is required
	// Actions are told when a Region turns unhealthy, and when it is healthy again. Topics must be in us-east-1.
	Actions []awscloudwatch.IAlarmAction
}

// Pair is a name that leads to two Regions. Its stack must be in us-east-1. What it makes there goes on working when that
// Region is lost, but for the alarms: see NewArrivals for one that is elsewhere.
type Pair interface {
	constructs.Construct
	// Primary is the primary's record, with its health check.
	Primary() Record
	// Secondary is the secondary's.
	Secondary() Record
	// Alarms are one for each Region, the primary's first.
	Alarms() []awscloudwatch.Alarm
	// Recovery is how long a failover takes, with every default.
	Recovery() recovery.Plan
}

type pair struct {
	constructs.Construct
	primary, secondary Record
	alarms             []awscloudwatch.Alarm
	plan               recovery.Plan
}

// NewPair makes a Pair. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewPair(scope constructs.Construct, id string, props PairProps) Pair {
	if props.Mode == "" {
		props.Mode = ActivePassive
	}
	props.check(id, scope)
	p := &pair{plan: props.Recovery.Filled()}
	constructs.NewConstruct_Override(p, scope, jsii.String(id))
	roles := map[Mode][]Role{ActivePassive: {Primary, Secondary}, ActiveActive: {Weighted, Weighted}}[props.Mode]
	record := func(id string, at, other Endpoint, role Role) Record {
		r := NewRecord(p, id, RecordProps{
			Name: props.Name, HostedZoneID: props.HostedZoneID, Endpoint: at, Role: role, OtherRegion: other.Region, Recovery: props.Recovery,
		})
		p.alarms = append(p.alarms, newAlarm(p, id+"Alarm", props.Name, at.Region, r.HealthCheck(), props.Actions))
		return r
	}
	p.primary = record("Primary", props.Primary, props.Secondary, roles[0])
	p.secondary = record("Secondary", props.Secondary, props.Primary, roles[1])
	return p
}

// Primary is the record that alone answers while its Region is healthy, or with ActiveActive one of two by weight.
func (p *pair) Primary() Record { return p.primary }

// Secondary is the record that answers in the primary's stead, or with ActiveActive the other of two.
func (p *pair) Secondary() Record { return p.secondary }

// Alarms are in the Region of the metrics of health checks, us-east-1, the primary's first.
func (p *pair) Alarms() []awscloudwatch.Alarm { return p.alarms }

// Recovery is computed from the props, with every default filled in.
func (p *pair) Recovery() recovery.Plan { return p.plan }

// AllowCheckers lets Route 53's health checkers call a balancer that not everybody may. The prefix list is AWS's own,
// com.amazonaws.REGION.route53-healthchecks, whose id differs by Region: aws ec2 describe-managed-prefix-lists says it.
func AllowCheckers(balancer awsec2.IConnectable, prefixListID string) {
	balancer.Connections().AllowFrom(awsec2.Peer_PrefixList(jsii.String(prefixListID)), awsec2.Port_HTTPS(), jsii.String("Health checkers of Route 53"))
}
