package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// lost says what goes with a resource that is deleted or replaced, for the types that bear data or an identity that
// others hold on to.
var lost = map[string]string{
	"AWS::ApiGateway::RestApi":                  "its URL",
	"AWS::ApiGatewayV2::Api":                    "its URL",
	"AWS::Backup::BackupVault":                  "its backups",
	"AWS::CloudFormation::Stack":                "all that is in it",
	"AWS::Cognito::UserPool":                    "its users",
	"AWS::DocDB::DBCluster":                     "its data",
	"AWS::DynamoDB::GlobalTable":                "its items",
	"AWS::DynamoDB::Table":                      "its items",
	"AWS::EC2::EIP":                             "its address",
	"AWS::EC2::Instance":                        "its instance storage and address",
	"AWS::EC2::Volume":                          "its data",
	"AWS::ECR::Repository":                      "its images",
	"AWS::EFS::FileSystem":                      "its files",
	"AWS::ElastiCache::ReplicationGroup":        "its data",
	"AWS::ElasticLoadBalancingV2::LoadBalancer": "its name in DNS",
	"AWS::KMS::Key":                             "whatever is encrypted with it",
	"AWS::Kinesis::Stream":                      "its records",
	"AWS::Lambda::Url":                          "its URL",
	"AWS::Logs::LogGroup":                       "its log events",
	"AWS::Neptune::DBCluster":                   "its data",
	"AWS::OpenSearchService::Domain":            "its indices",
	"AWS::RDS::DBCluster":                       "its data",
	"AWS::RDS::DBInstance":                      "its data",
	"AWS::Redshift::Cluster":                    "its data",
	"AWS::Route53::HostedZone":                  "its records and name servers",
	"AWS::S3::Bucket":                           "its objects",
	"AWS::SQS::Queue":                           "its messages",
	"AWS::SSM::Parameter":                       "its value and history",
	"AWS::SecretsManager::Secret":               "its value",
	"AWS::Timestream::Table":                    "its records",
}

// judgeData finds lost data and lost protection of data.
func judgeData(s side, change StackChange) []Finding {
	var found []Finding
	if s.removed && s.before.Parent == "" {
		found = append(found, Finding{Category: Destructive, Summary: "the stack is not in the app any more; " +
			"cdk deploy leaves it as it is, running and billed, and cdk destroy deletes all that no policy retains"})
	}
	if s.before.TerminationProtection && !s.after.TerminationProtection && !s.removed {
		found = append(found, Finding{Category: Destructive, Summary: "the stack loses its termination protection"})
	}
	for _, c := range change.Changes {
		if f, ok := s.loss(c); ok {
			found = append(found, f)
		}
	}
	for _, id := range s.ids() {
		if s.had(id) {
			found = append(found, s.protection(id)...)
		}
		if s.had(id) && bears(s, id) && s.unsure(id) && !retained(s.before.Resources[id].DeletionPolicy) {
			found = append(found, Finding{Category: Destructive, Resource: id, May: true, Summary: "may be deleted, and " +
				lost[s.after.Resources[id].Type] + " with it: the condition on which it exists changes"})
		}
		if s.had(id) && s.after.Resources[id].Type == assembly.NestedType && !(local(s.before, id) && local(s.after, id)) && s.differs(id) {
			found = append(found, Finding{Category: Destructive, Resource: id, May: true, Summary: "the nested stack's template is not in the assembly: what changes in it cannot be seen"})
		}
	}
	return found
}

// loss judges one change of a resource that bears data.
func (s side) loss(c ResourceChange) (Finding, bool) {
	before := s.before.Resources[c.Resource]
	what, bears := lost[before.Type]
	if !bears {
		return Finding{}, false
	}
	f := Finding{Category: Destructive, Resource: c.Resource, Type: before.Type}
	policy := before.DeletionPolicy
	switch c.Action {
	case Destroyed:
		f.Summary = "is deleted, and " + what + " with it"
	case Replaced, MayReplaced:
		var why []string
		for _, p := range c.Properties {
			if p.Replaces != "" {
				why = append(why, p.Name)
			}
		}
		f.May = c.Action == MayReplaced
		f.Summary = map[bool]string{true: "may be replaced", false: "is replaced"}[f.May] + " because of " + strings.Join(why, ", ")
		if len(why) == 0 {
			f.Summary = strings.TrimSuffix(f.Summary, " because of ") + " because of what it refers to"
		}
		// Retained only if both templates say so: which of the two counts is not ours to guess.
		if policy = before.UpdateReplacePolicy; s.after.Resources[c.Resource].UpdateReplacePolicy != policy {
			policy = ""
		}
		f.Summary += ", and " + what + " with it"
	default:
		return Finding{}, false
	}
	switch {
	case retained(policy):
		f.Summary = strings.TrimSuffix(f.Summary, ", and "+what+" with it") + "; the old one is retained outside the stack, the new one begins without " + what
	case policy == "Snapshot":
		f.Summary += "; a snapshot is kept"
	}
	return f, true
}

// unsure tells whether a resource exists on a condition, and that may have another outcome than before.
func (s side) unsure(id string) bool {
	condition := raw(s.after, id)["Condition"]
	outcome := func(t texter) string {
		return t.unknown(map[string]any{"Fn::If": []any{raw(t.stack, id)["Condition"]}})
	}
	return condition != nil && outcome(texter{s.before}) != outcome(texter{s.after})
}

// differs tells whether the templates write a resource differently, metadata aside.
func (s side) differs(id string) bool {
	f := folder{side: s, names: strings.NewReplacer()}
	return f.comparable(s.before, id) != f.comparable(s.after, id)
}

// protection finds what guarded a resource against loss and does not any more.
func (s side) protection(id string) []Finding {
	var found []Finding
	warn := func(format string, args ...any) {
		found = append(found, Finding{Category: Destructive, Resource: id, Summary: fmt.Sprintf(format, args...)})
	}
	before, after := s.before.Resources[id], s.after.Resources[id]
	if weaker(before.DeletionPolicy, after.DeletionPolicy) {
		warn("is deleted with its stack from now on (DeletionPolicy %s, was %s)", orNone(after.DeletionPolicy), before.DeletionPolicy)
	}
	if weaker(before.UpdateReplacePolicy, after.UpdateReplacePolicy) && bears(s, id) {
		warn("is deleted when it is replaced from now on (UpdateReplacePolicy %s, was %s)", orNone(after.UpdateReplacePolicy), before.UpdateReplacePolicy)
	}
	for _, guard := range guards {
		was, is := texter{s.before}.property(id, guard.path...), texter{s.after}.property(id, guard.path...)
		if was == guard.on && is != guard.on {
			found = append(found, Finding{Category: Destructive, Resource: id, May: !literal(is), Summary: guard.lost})
		}
	}
	was, errWas := strconv.Atoi(texter{s.before}.property(id, "RetentionInDays"))
	text := texter{s.after}.property(id, "RetentionInDays")
	is, errIs := strconv.Atoi(text)
	switch {
	case after.Type != "AWS::Logs::LogGroup" || text == "" || text == (texter{s.before}).property(id, "RetentionInDays"):
	case errIs != nil || errWas == nil && is < was || errWas != nil:
		found = append(found, Finding{Category: Destructive, Resource: id, May: errIs != nil, Summary: "keeps its log events for a shorter time, and older ones are deleted"})
	}
	return found
}

// guards are properties that protect data while they have the value on.
var guards = []struct {
	path     []string
	on, lost string
}{
	{[]string{"DeletionProtection"}, "true", "loses its deletion protection"},
	{[]string{"DeletionProtectionEnabled"}, "true", "loses its deletion protection"},
	{[]string{"DeletionProtection"}, "ACTIVE", "loses its deletion protection"},
	{[]string{"PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"}, "true", "loses point-in-time recovery"},
	{[]string{"VersioningConfiguration", "Status"}, "Enabled", "does not keep versions of its objects any more"},
	{[]string{"BackupPolicy", "Status"}, "ENABLED", "loses its automatic backups"},
}

func weaker(before, after string) bool {
	keep := []string{"Retain", "RetainExceptOnCreate", "Snapshot"}
	return slices.Contains(keep, before) && !slices.Contains(keep, after)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
