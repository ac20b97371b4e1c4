package synth

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// meaning says in words what the stacks of an assembly do about two Regions: to whom names lead and who decides it, what is
// copied where, what is watched from where, and who sees what was done. It is what a person would ask of a template.
func meaning(t *testing.T, out string) string {
	t.Helper()
	read, err := assembly.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	tellers := []struct {
		kind string
		tell func(s *assembly.Stack, p map[string]any) string
	}{
		{"AWS::Route53::RecordSet", sayRecord},
		{"AWS::Route53::HealthCheck", func(_ *assembly.Stack, p map[string]any) string { return "health check " + asked(p) }},
		{"AWS::S3::Bucket", sayBucket},
		{"AWS::SecretsManager::Secret", saySecret},
		{"AWS::DynamoDB::GlobalTable", sayTable},
		{"AWS::CloudWatch::Alarm", sayAlarm},
		{"AWS::CloudTrail::Trail", sayTrail},
	}
	var b strings.Builder
	for _, s := range read.Stacks {
		var lines []string
		for _, teller := range tellers {
			for _, r := range s.ByType(teller.kind) {
				if line := teller.tell(s, r.Properties); line != "" {
					lines = append(lines, "  "+line)
				}
			}
		}
		if len(lines) > 0 {
			slices.Sort(lines)
			fmt.Fprintf(&b, "%s, in %s\n%s\n\n", s.ID, s.Region, strings.Join(lines, "\n"))
		}
	}
	return b.String()
}

// sayRecord is whom a name leads to, and what decides it. No alias has a TTL of its own.
func sayRecord(s *assembly.Stack, p map[string]any) string {
	text := fmt.Sprintf("record %v %v", p["Name"], p["Type"])
	switch {
	case p["Failover"] != nil:
		text += fmt.Sprintf(", %v of set %v", p["Failover"], p["SetIdentifier"])
	case p["Weight"] != nil:
		text += fmt.Sprintf(", weight %v of set %v", p["Weight"], p["SetIdentifier"])
	}
	if p["TTL"] != nil {
		text += fmt.Sprintf(", TTL %v s", p["TTL"])
	}
	if target, ok := p["AliasTarget"].(map[string]any); ok {
		text += ", alias of " + aliased(s, target["DNSName"])
		if target["EvaluateTargetHealth"] == true {
			text += " and its targets' health"
		}
	}
	if id, _, ok := assembly.Reference(p["HealthCheckId"]); ok {
		text += ", while healthy: " + asked(s.Resources[id].Properties)
	}
	return text
}

// aliased is the type of what an alias leads to, or the name itself.
func aliased(s *assembly.Stack, name any) string {
	for id, r := range s.Resources {
		if strings.Contains(fmt.Sprint(name), id) {
			return r.Type[strings.LastIndex(r.Type, ":")+1:]
		}
	}
	return fmt.Sprint(name)
}

// asked is what a health check asks, how often, and how long it must fail.
func asked(p map[string]any) string {
	c := at(p, "HealthCheckConfig")
	text := fmt.Sprintf("%v://%v:%v%v every %v s, %v failures", at(c, "Type"), at(c, "FullyQualifiedDomainName"), at(c, "Port"), at(c, "ResourcePath"),
		at(c, "RequestInterval"), at(c, "FailureThreshold"))
	if at(c, "Regions") != nil {
		text += fmt.Sprintf(" from %v", at(c, "Regions"))
	}
	return text
}

// sayBucket is what S3 copies, and how; empty for a bucket without a name that others know.
func sayBucket(_ *assembly.Stack, p map[string]any) string {
	if p["BucketName"] == nil {
		return ""
	}
	text := fmt.Sprintf("bucket %v, versions %v, encrypted with %v", p["BucketName"], at(p, "VersioningConfiguration", "Status"), encryption(p))
	for _, raw := range list(at(p, "ReplicationConfiguration", "Rules")) {
		to := at(raw, "Destination")
		text += fmt.Sprintf("; %v objects of prefix %q are copied to %v", at(raw, "Status"), at(raw, "Filter", "Prefix"), at(to, "Bucket"))
		text += fmt.Sprintf(", in %v min (%v), measured against %v min (%v), delete markers %v", at(to, "ReplicationTime", "Time", "Minutes"), at(to, "ReplicationTime", "Status"),
			at(to, "Metrics", "EventThreshold", "Minutes"), at(to, "Metrics", "Status"), at(raw, "DeleteMarkerReplication", "Status"))
		if key := at(to, "EncryptionConfiguration", "ReplicaKmsKeyID"); key != nil {
			text += fmt.Sprintf(", with KMS (%v) and there encrypted with %v", at(raw, "SourceSelectionCriteria", "SseKmsEncryptedObjects", "Status"), key)
		}
	}
	return text
}

func encryption(p map[string]any) string {
	by := at(p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault")
	if key := at(by, "KMSMasterKeyID"); key != nil {
		return fmt.Sprint(key)
	}
	return fmt.Sprint(at(by, "SSEAlgorithm"))
}

func saySecret(_ *assembly.Stack, p map[string]any) string {
	text := fmt.Sprintf("secret %v", p["Name"])
	for _, raw := range list(p["ReplicaRegions"]) {
		text += fmt.Sprintf(", copied to %v%s", at(raw, "Region"), withKey(at(raw, "KmsKeyId")))
	}
	return text
}

func sayTable(_ *assembly.Stack, p map[string]any) string {
	text := fmt.Sprintf("table %v", p["TableName"])
	for _, raw := range list(p["Replicas"]) {
		text += fmt.Sprintf(", in %v%s", at(raw, "Region"), withKey(at(raw, "SSESpecification", "KMSMasterKeyId")))
		if at(raw, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") == true {
			text += fmt.Sprintf(" with every second of %v days", at(raw, "PointInTimeRecoverySpecification", "RecoveryPeriodInDays"))
		}
	}
	return text
}

func withKey(key any) string {
	if key == nil {
		return ""
	}
	return fmt.Sprintf(" under %v", key)
}

// watchedAbroad are the metrics by which one Region tells of another.
var watchedAbroad = []any{"HealthCheckStatus", "ReplicationLatency", "OperationsFailedReplication"}

// sayAlarm is one about another Region: on a health check, on a copy, or on callers who arrive.
func sayAlarm(s *assembly.Stack, p map[string]any) string {
	if !slices.Contains(watchedAbroad, p["MetricName"]) && !strings.HasPrefix(fmt.Sprint(p["AlarmDescription"]), "Callers arrive") {
		return ""
	}
	text := fmt.Sprintf("alarm on %v", p["MetricName"])
	for _, raw := range list(p["Dimensions"]) {
		value := fmt.Sprint(at(raw, "Value"))
		if id, _, ok := assembly.Reference(at(raw, "Value")); ok {
			value = asked(s.Resources[id].Properties)
		}
		text += fmt.Sprintf(" %v=%s", at(raw, "Name"), value)
	}
	text += fmt.Sprintf(": %v %v %v for %v x %v s, missing is %v; tells", p["Statistic"], p["ComparisonOperator"], p["Threshold"], p["EvaluationPeriods"], p["Period"], p["TreatMissingData"])
	for _, when := range []string{"AlarmActions", "OKActions", "InsufficientDataActions"} {
		text += fmt.Sprintf(" %d", len(list(p[when])))
	}
	return text
}

func sayTrail(_ *assembly.Stack, p map[string]any) string {
	text := fmt.Sprintf("trail %v of every Region: %v, files validated: %v, encrypted: %v", p["TrailName"], p["IsMultiRegionTrail"], p["EnableLogFileValidation"], p["KMSKeyId"] != nil)
	for _, raw := range list(p["AdvancedEventSelectors"]) {
		text += fmt.Sprintf("; %v", at(raw, "Name"))
		for _, field := range list(at(raw, "FieldSelectors")) {
			if at(field, "Field") == "resources.ARN" {
				text += fmt.Sprintf(" of %v", slices.Concat(list(at(field, "StartsWith")), list(at(field, "Equals"))))
			}
		}
	}
	return text
}

func list(value any) []any {
	items, _ := value.([]any)
	return items
}
