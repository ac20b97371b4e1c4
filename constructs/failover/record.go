package failover

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
)

// Role is what a record is among those of its name.
type Role string

// The roles. Primary and Secondary go together, and Weighted with itself.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
	Weighted  Role = "weighted"
)

// RecordProps says what a Record leads to.
type RecordProps struct {
	Name         string        // required; the name that callers use, the same in both Regions
	HostedZoneID string        // required; the Route 53 zone of the name
	Endpoint     Endpoint      // required; its Region is the record's SetIdentifier
	Role         Role          // required
	OtherRegion  string        // required; of the other record
	Recovery     recovery.Plan // its KeepAlive is required
}

// Record is one Region's part of a name that fails over: an alias record and the health check that it follows. It can
// be made in the Region's own stack, before or after the other. Route 53 gives it no TTL: that of the target counts.
//
// A name has such records or a simple one, never both: take away that of edge.Balancer.AddRecord, or of an API's Domain,
// in a deployment before.
type Record interface {
	constructs.Construct
	// Record is Route 53's.
	Record() awsroute53.CfnRecordSet
	// HealthCheck is what alone decides on the record.
	HealthCheck() awsroute53.CfnHealthCheck
}

type record struct {
	constructs.Construct
	made  awsroute53.CfnRecordSet
	check awsroute53.CfnHealthCheck
}

// NewRecord makes a Record. CDK constructs do not return errors: with bad props it panics with one message that names
// everything that is wrong.
func NewRecord(scope constructs.Construct, id string, props RecordProps) Record {
	props.check(id)
	r := &record{}
	constructs.NewConstruct_Override(r, scope, jsii.String(id))
	at := props.Endpoint
	r.check = newHealthCheck(r, "HealthCheck", props.Name, at, props.Recovery)
	set := &awsroute53.CfnRecordSetProps{
		Name: jsii.String(props.Name), Type: jsii.String("A"), HostedZoneId: jsii.String(props.HostedZoneID),
		SetIdentifier: jsii.String(at.Region), HealthCheckId: r.check.Ref(),
		AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{
			DnsName: jsii.String(at.DNSName), HostedZoneId: jsii.String(at.ZoneID),
			// The health check decides alone. To Route 53 a balancer is unhealthy when one of its target groups is empty (Amazon
			// Route 53 API Reference, "AliasTarget", read 2026-11-23), and of two that take turns in deployments one always is.
			EvaluateTargetHealth: jsii.Bool(false),
		},
	}
	switch props.Role {
	case Primary:
		set.Failover = jsii.String("PRIMARY")
	case Secondary:
		set.Failover = jsii.String("SECONDARY")
	case Weighted:
		set.Weight = jsii.Number(at.weight())
	}
	r.made = awsroute53.NewCfnRecordSet(r, jsii.String("Record"), set)
	return r
}

// Record is one of the set that Route 53 answers the name from.
func (r *record) Record() awsroute53.CfnRecordSet { return r.made }

// HealthCheck is what Route 53 decides by: a check of the endpoint, or of an alarm of its Region.
func (r *record) HealthCheck() awsroute53.CfnHealthCheck { return r.check }

func (e Endpoint) weight() int {
	if e.Weight == 0 {
		return 100
	}
	return e.Weight
}
