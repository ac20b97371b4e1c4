package rules

import (
	"fmt"
	"strings"
)

var records = Rule{
	Name: "record",
	Summary: "a DNS record with a routing policy lacks its SetIdentifier or shares it, or its part in failover, with a record of its group; " +
		"a failover record is watched by nobody, so that failover never happens; or an alias has what only other records have",
	Source: "AWS::Route53::RecordSet, docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-route53-recordset.html, " +
		"SetIdentifier, Failover, Weight, AliasTarget and TTL, as aws-cdk-lib 2.270.0 quotes them",
	check: func(c *check) {
		seen := map[string]string{}
		c.each(func(id string, r resource) {
			if r.Type == "AWS::Route53::RecordSet" {
				c.record(id, "Properties", r.Properties, seen)
				return
			}
			for i, item := range list(r.Properties["RecordSets"]) {
				if record, ok := item.(map[string]any); ok {
					c.record(id, fmt.Sprintf("Properties.RecordSets[%d]", i), record, seen)
				}
			}
		}, "AWS::Route53::RecordSet", "AWS::Route53::RecordSetGroup")
	},
}

// routing names the properties that make a record one of a group.
var routing = []string{"CidrRoutingConfig", "Failover", "GeoLocation", "GeoProximityLocation", "MultiValueAnswer", "Region", "Weight"}

func (c *check) record(id, path string, record map[string]any, seen map[string]string) {
	var policies []string
	for _, name := range routing {
		if record[name] != nil && record[name] != false {
			policies = append(policies, name)
		}
	}
	identifier, _ := c.text(record["SetIdentifier"])
	switch {
	case len(policies) == 0 && identifier != "":
		c.find(id, path, "has a SetIdentifier, but no routing policy")
	case len(policies) > 1:
		c.find(id, path, "has %s; a record has one routing policy", strings.Join(policies, " and "))
	case len(policies) == 1 && identifier == "":
		c.find(id, path, "has %s without SetIdentifier, which Route 53 requires to tell the records of a group apart", policies[0])
	case len(policies) == 1:
		c.unique(id, path, record, identifier, seen)
	}
	if failover, _ := c.text(record["Failover"]); failover != "" {
		c.failover(id, path, failover, record)
		c.part(id, path, failover, record, seen)
	}
	if weight, ok := record["Weight"].(float64); ok && (weight < 0 || weight > 255) {
		c.find(id, path, "has Weight %v; Route 53 takes 0 to 255", weight)
	}
	for _, name := range []string{"TTL", "ResourceRecords"} {
		if record["AliasTarget"] != nil && record[name] != nil {
			c.find(id, path, "has AliasTarget and %s; Route 53 takes one of them", name)
		}
	}
}

// unique finds a second record with the name, the type and the SetIdentifier of another, as far as they are known.
func (c *check) unique(id, path string, record map[string]any, identifier string, seen map[string]string) {
	key := identifier + group(record)
	if other, ok := seen[key]; ok && !strings.Contains(identifier, unknown) {
		c.find(id, path, "has the SetIdentifier %q of %s", identifier, other)
	}
	seen[key] = id
}

// part finds a second record of a name that is the primary, or the secondary, too.
func (c *check) part(id, path, failover string, record map[string]any, seen map[string]string) {
	key := "failover " + failover + group(record)
	if other, ok := seen[key]; ok && !strings.Contains(failover, unknown) {
		c.find(id, path, "is %s, as %s; a name has one of each", failover, other)
	}
	seen[key] = id
}

// group is what the records of a name have in common.
func group(record map[string]any) string {
	key := ""
	for _, name := range []string{"Name", "Type", "HostedZoneId", "HostedZoneName"} {
		key += "|" + fmt.Sprint(record[name])
	}
	return key
}

func (c *check) failover(id, path, failover string, record map[string]any) {
	alias, isAlias := record["AliasTarget"].(map[string]any)
	evaluates := alias["EvaluateTargetHealth"] == true || alias["EvaluateTargetHealth"] == "true"
	switch {
	case failover != "PRIMARY" && failover != "SECONDARY" && !strings.Contains(failover, unknown):
		c.find(id, path, "has Failover %q; Route 53 knows PRIMARY and SECONDARY", failover)
	case failover != "PRIMARY" || record["HealthCheckId"] != nil:
	case isAlias && !evaluates:
		c.find(id, path, "is PRIMARY and has neither HealthCheckId nor AliasTarget.EvaluateTargetHealth: it never fails over")
	case !isAlias:
		c.find(id, path, "is PRIMARY and has no HealthCheckId: it never fails over")
	}
}
