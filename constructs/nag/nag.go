// Package nag writes, beside a resource, why a finding of cdk-nag's AwsSolutions pack does not count there: as metadata
// of the template, which the pack reads in whatever app it is used, so that platform teams who run it see the reasons.
//
// It must not know the pack itself, which only a test needs, nor any construct.
package nag

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// key is the metadata that the pack reads, list what it holds.
const (
	key  = "cdk_nag"
	list = "rules_to_suppress"
)

// Rules are the ids of findings, such as "AwsSolutions-S1", with the reason of each. An id that ends in brackets is about
// one thing that the rule found, as in "AwsSolutions-IAM5[Resource::*]", and about no other.
type Rules map[string]string

// Acknowledge says why the rules do not count for a resource: a construct's default child, or the construct itself where
// it is one. What was said before stays. It panics where there is no resource.
func Acknowledge(construct constructs.IConstruct, rules Rules) {
	resource, ok := construct.Node().DefaultChild().(awscdk.CfnResource)
	if !ok {
		resource = construct.(awscdk.CfnResource)
	}
	said, _ := resource.GetMetadata(jsii.String(key)).(map[string]any)
	all, _ := said[list].([]any)
	for _, entry := range rules.entries() {
		all = append(all, entry)
	}
	resource.AddMetadata(jsii.String(key), map[string]any{list: all})
}

// entries are what stands in the template, by id.
func (r Rules) entries() []map[string]any {
	var all []map[string]any
	for _, id := range slices.Sorted(maps.Keys(r)) {
		rule, finding, granular := strings.Cut(strings.TrimSuffix(id, "]"), "[")
		entry := map[string]any{"id": rule, "reason": r[id]}
		if strings.ContainsFunc(r[id], func(c rune) bool { return c > unicode.MaxLatin1 }) {
			entry["reason"], entry["is_reason_encoded"] = base64.StdEncoding.EncodeToString([]byte(r[id])), true
		}
		if granular {
			entry["applies_to"] = []string{finding}
		}
		all = append(all, entry)
	}
	return all
}
