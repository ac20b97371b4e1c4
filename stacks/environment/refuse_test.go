package environment_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// refused is a file that is refused. Where a JSON Schema can say why, the schema must refuse it too.
type refused struct {
	name   string
	text   string
	want   []string // line: message, in order; the message may be cut short at …
	beyond bool     // a schema cannot express it
}

var bad = []refused{
	{"unknown key", minimal + "prodution: true\n", []string{
		`4: prodution: is not a known key (did you mean "production"?); known here are account, acknowledge, applicationProfiles, archive, audit, auth, containers, edge, expires, failover, gateway, instances, models, network, observability, production, regions, serverless, tags, tracing; correct or remove it`}, false},
	{"unknown inner key", minimal + "gateway:\n  maxcalls: 3\n", []string{`5: gateway.maxcalls: is not a known key (did you mean "maxCalls"?)…`}, false},
	{"unknown key of a target", minimal + "models: {a: {targets: [{model: amazon.nova-lite-v1:0, regions: x}]}}\n", []string{
		`4: models.a.targets[0].regions: is not a known key (did you mean "region"?)…`}, false},
	{"unknown rollout", minimal[:len(minimal)-len("{}\n")] + "{rollout: canari}\n", []string{
		`3: serverless.rollout: is "canari"; allowed are canary, all-at-once (did you mean "canary"?)`}, false},
	{"double key", minimal + "account: \"123456789012\"\n", []string{`4: account: is written twice, first on line 1; remove one`}, true},
	{"missing account", "regions: [us-east-1]\nserverless: {}\n", []string{`1: account: is missing; it is required; add it`}, false},
	{"account without quotes", "account: 123456789012\nregions: [us-east-1]\nserverless: {}\n", []string{
		`1: account: is the number 123456789012; allowed is text in quotes`}, false},
	{"account too short", "account: \"12345\"\nregions: [us-east-1]\nserverless: {}\n", []string{
		`1: account: is "12345"; allowed is twelve digits in quotes, such as "123456789012"`}, false},
	{"nothing to deploy", "account: \"123456789012\"\nregions: [us-east-1]\n", []string{`1: serverless: is missing, and so are containers and instances: nothing would be deployed; …`}, false},
	{"empty block", "account: \"123456789012\"\nregions: [us-east-1]\nserverless:\n", []string{`3: serverless: is empty; allowed is a mapping of keys to values`}, false},
	{"no Region", "account: \"123456789012\"\nregions: []\nserverless: {}\n", []string{`2: regions: is an empty list; …`}, false},
	{"Region in words", "account: \"123456789012\"\nregions: [Virginia]\nserverless: {}\n", []string{
		`2: regions[0]: is "Virginia"; allowed is a commercial Region such as "us-east-1"`}, false},
	{"Region of another partition", "account: \"123456789012\"\nregions: [us-gov-west-1]\nserverless: {}\n", []string{`2: regions[0]: is "us-gov-west-1"; …`}, false},
	{"Region twice", "account: \"123456789012\"\nregions: [us-east-1, us-east-1]\nserverless: {}\n", []string{
		`2: regions[1]: is "us-east-1" a second time; remove one`}, false},
	{"regions as text", "account: \"123456789012\"\nregions: us-east-1\nserverless: {}\n", []string{`2: regions: is the text "us-east-1"; allowed is a list`}, false},
	{"truth as text", minimal + "production: \"yes\"\n", []string{`4: production: is the text "yes"; allowed is true or false`}, false},
	{"tag of AWS", minimal + "tags: {\"aws:x\": y}\n", []string{`4: tags.aws:x: is no tag key; …`}, false},
	{"budget without an amount", minimal + "observability: {emails: [a@example.com], budget: {anomaly: 5}}\n", []string{`4: observability.budget.monthly: is missing; …`}, false},
	{"budget of nothing", minimal + "observability: {emails: [a@example.com], budget: {monthly: 0}}\n", []string{`4: observability.budget.monthly: is 0; allowed is a whole number from 1 to 100000000`}, false},
	{"budget in cents", minimal + "observability: {emails: [a@example.com], budget: {monthly: 9.99, anomaly: -1}}\n", []string{
		`4: observability.budget.monthly: is the number 9.99; allowed is a whole number from 1 to 100000000`, `4: observability.budget.anomaly: is -1; allowed is a whole number from 0 to 100000000`}, false},
	{"budget as a number", minimal + "observability: {emails: [a@example.com], budget: 100}\n", []string{`4: observability.budget: is the number 100; allowed is a mapping of keys to values`}, false},
	{"budget that tells a topic elsewhere", "account: \"123456789012\"\nregions: [eu-west-1]\nserverless: {}\nmodels: {lite: {targets: [{model: amazon.nova-lite-v1:0}]}}\n" +
		"observability:\n  topics: {eu-west-1: arn:aws:sns:eu-west-1:123456789012:alarms}\n  budget: {monthly: 100}\n", []string{`6: observability.topics.us-east-1: is missing; alarms and a budget tell only a topic of their own Region, and some are in us-east-1`}, true},
	{"profiles as text", minimal + "applicationProfiles: all\n", []string{`4: applicationProfiles: is the text "all"; allowed is true or false`}, false},
	{"profile of an alias that Bedrock cannot name", minimal + "applicationProfiles: true\nmodels: {a--b: {targets: [{model: amazon.nova-lite-v1:0}]}, c-: {targets: [{model: amazon.nova-lite-v1:0}]}}\n", []string{
		`5: models.a--b: has two dashes in a row or one at its end, and with applicationProfiles: true it is part of the name of a profile, …`,
		`5: models.c-: has two dashes in a row…`}, true},
	{"tag of profiles", minimal + "tags: {alias: y}\n", []string{`4: tags.alias: is a tag that the stacks set themselves; …`}, false},
	{"tag of ours", minimal + "tags: {environment: y}\n", []string{`4: tags.environment: is a tag that the stacks set themselves; …`}, false},
	{"tag as number", minimal + "tags: {cost: 42}\n", []string{`4: tags.cost: is the number 42; allowed is text in quotes`}, false},
	{"no models", minimal + "models: {}\n", []string{`4: models: names no model; name one, or remove the key for the defaults haiku, sonnet, opus`}, false},
	{"alias in capitals", minimal + "models: {Haiku: {targets: [{model: amazon.nova-lite-v1:0}], maxTokens: 5000}}\n", []string{
		`4: models.Haiku: is no alias; allowed are small letters, digits and -, the first a letter`}, false},
	{"no targets", minimal + "models: {haiku: {maxTokens: 10}}\n", []string{`4: models.haiku.targets: is missing; it is required; add it`}, false},
	{"no model", minimal + "models: {haiku: {targets: [{region: us-east-1}]}}\n", []string{`4: models.haiku.targets[0].model: is missing; …`}, false},
	{"unknown model", minimal + "models: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-6}]}}\n", []string{
		`4: models.haiku.targets[0].model: is "global.anthropic.claude-haiku-5-6": the model is not in the catalog; near ids are global.anthropic.claude-haiku-5-5…`}, true},
	{"model without profile", minimal + "models: {haiku: {targets: [{model: anthropic.claude-haiku-5-5}]}}\n", []string{
		`4: models.haiku.targets[0].model: is "anthropic.claude-haiku-5-5": the model cannot be called by its own id; use one of global.anthropic.claude-haiku-5-5, us.…`}, true},
	{"dead model", minimal + "models:\n  haiku:\n    targets:\n      - model: anthropic.claude-3-haiku-20240307-v1:0\n", []string{
		`7: models.haiku.targets[0].model: is "anthropic.claude-3-haiku-20240307-v1:0", whose end of life was 2026-09-10: Bedrock refuses it; write "global.anthropic.claude-haiku-…`}, true},
	{"dead model of a geography", minimal + "models: {sonnet: {targets: [{model: us.anthropic.claude-3-sonnet-20240229-v1:0}]}}\n", []string{
		`4: models.sonnet.targets[0].model: is "us.anthropic.claude-3-sonnet-20240229-v1:0", whose end of life was 2026-07-30: Bedrock refuses it; write "us.anthropic.claude-sonnet-5-5"`}, true},
	{"geography of unknown Regions", minimal + "models: {opus: {targets: [{model: eu.anthropic.claude-opus-5-5, region: eu-west-1}]}}\n", []string{
		`4: models.opus.targets[0].destinations: is missing, and the catalog does not know to which Regions "eu.anthropic.claude-opus-5-5" may be routed; add the Regions that aws bedrock get-inference-profile …`}, true},
	{"destinations of a global profile", minimal + "models: {opus: {targets: [{model: global.anthropic.claude-opus-5-5, destinations: [us-east-1]}]}}\n", []string{
		`4: models.opus.targets[0].destinations: is only for a geography profile, and "global.anthropic.claude-opus-5-5" is none; remove it`}, true},
	{"default over the most", minimal + "models:\n  haiku:\n    targets: [{model: global.anthropic.claude-haiku-5-5}]\n    maxTokens: 100\n    defaultMaxTokens: 200\n", []string{
		`8: models.haiku.defaultMaxTokens: is 200, more than maxTokens, which is 100; lower it or raise maxTokens`}, true},
	{"more tokens than the model can", minimal + "models: {nova: {targets: [{model: amazon.nova-lite-v1:0}], maxTokens: 32000}}\n", []string{
		`4: models.nova.maxTokens: is 32000, more than the 5000 that a target's model can write; lower it`}, true},
	{"no tokens", minimal + "models: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-5}], maxTokens: 0}}\n", []string{
		`4: models.haiku.maxTokens: is 0; allowed is a whole number from 1 to 1000000`}, false},
	{"tokens as text", minimal + "models: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-5}], maxTokens: \"9\"}}\n", []string{
		`4: models.haiku.maxTokens: is the text "9"; allowed is a whole number from 1 to 1000000`}, false},
	{"too many aliases", minimal + "models:\n" + manyAliases(40), []string{`4: models: make …`}, true},
	{"memory in megabytes", minimal[:len(minimal)-3] + "{memory: 1024}\n", []string{`3: serverless.memory: is the number 1024; allowed is text in quotes`}, false},
	{"unknown memory", minimal[:len(minimal)-3] + "{memory: huge}\n", []string{`3: serverless.memory: is "huge"; allowed are light, standard, heavy`}, false},
	{"budget as number", minimal + "gateway: {streamBudget: 300}\n", []string{`4: gateway.streamBudget: is the number 300; …`}, false},
	{"budget too long", minimal + "gateway: {streamBudget: 16m}\n", []string{
		`4: gateway.streamBudget: is "16m"; allowed is a duration from 1s to 15m0s, such as "90s"`}, true},
	{"budget in fractions", minimal + "gateway: {streamBudget: 300.5s}\n", []string{`4: gateway.streamBudget: is 5m0.5s; allowed are whole seconds, …`}, true},
	{"budget above what Lambda allows", minimal + "gateway: {streamBudget: 15m}\n", []string{
		`4: gateway.streamBudget: is 15m0s; with serverless at most 14m50s: Lambda and API Gateway end an answer after 15m0s, …`}, true},
	{"a first byte after the last", minimal + "gateway: {firstByte: 291s}\n", []string{
		`4: gateway.firstByte: is 4m51s, and gateway.streamBudget 4m50s, which is over before that; lower it, or remove it`}, true},
	{"a first byte at once", minimal + "gateway: {firstByte: 10ms}\n", []string{`4: gateway.firstByte: is "10ms"; allowed is a duration from 1s to 15m0s, …`}, true},
	{"budget of two pings", minimal + "gateway: {streamBudget: 30s}\n", []string{
		`4: gateway.streamBudget: is 30s, and gateway.pingInterval 15s; the budget must be more than 2 pings`}, true},
	{"retention nobody offers", minimal[:len(minimal)-3] + "{logRetention: 31}\n", []string{`3: serverless.logRetention: is 31 days; CloudWatch allows 1 3 5 7 14 30 …`}, false},
	{"no concurrency", minimal[:len(minimal)-3] + "{reservedConcurrency: 0}\n", []string{`3: serverless.reservedConcurrency: is 0; …`}, false},
	{"open API without a reason", minimal[:len(minimal)-3] + "{api: {authorizer: none}}\n", []string{
		`3: serverless.api.authorizer: is "none", and so is all that auth.mode "iam" relies on: every request would be refused; …`}, false},
	{"open API with auth by IAM", open + "auth: {mode: iam}\n", []string{`3: serverless.api.authorizer: is "none", and so is …`}, false},
	{"auth without a mode", minimal + "auth: {}\n", []string{`4: auth.mode: is missing; it is required; add it`}, false},
	{"unknown auth", open + "auth: {mode: key}\n", []string{`3: serverless.api.authorizer: …`, `4: auth.mode: is "key"; allowed are keys, oidc, iam, off (did you mean "keys"?)`}, false},
	{"auth off without a reason", local + "auth:\n  mode: off\n", []string{`4: auth.reason: is missing; with mode: off anyone …`}, false},
	{"auth off with an excuse", local + "auth: {mode: off, reason: test}\n", []string{`4: auth.reason: is "test"; allowed is a sentence of at least 20 characters`}, false},
	{"auth off where it could be deployed", open + "auth: {mode: off, reason: it is behind a firewall of ours}\n", []string{
		`4: auth.mode: is "off", and account is "123456789012": only the local run, whose account is "000000000000", may do without; …`}, false},
	{"keys that nobody can show", minimal + "auth: {mode: keys}\n", []string{`4: auth.mode: is "keys", and a function without an API is shown neither …`}, false},
	{"key of a smoke test without keys", minimal + "auth: {mode: iam, smokeKey: mine}\n", []string{`4: auth.smokeKey: is only for mode: keys and mode: oidc; remove it`,
		`4: auth.smokeKey: is for the smoke test…`}, false},
	{"key of a smoke test that is none", strings.TrimSuffix(minimal, "{}\n") + "{api: {authorizer: none}}\nauth: {mode: keys, smokeKey: mine}\n", []string{
		`4: auth.smokeKey: is for the smoke test of a version that is rolled out in steps, and there is none; remove it, or write rollout: canary`}, true},
	{"key of a smoke test elsewhere", strings.TrimSuffix(minimal, "{}\n") + "{rollout: canary, api: {authorizer: none}}\nauth:\n  mode: keys\n  smokeKey: arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys-AbCdEf\n", []string{
		`6: auth.smokeKey: is in eu-west-1, and regions has us-east-1; give the name of a secret that is in every Region`}, true},
	{"secret without keys", minimal + "auth: {mode: iam, secret: mine}\n", []string{`4: auth.secret: is only for mode: keys; remove it`}, false},
	{"reason with keys", open + "auth: {mode: keys, reason: it is behind a firewall of ours}\n", []string{`4: auth.reason: is only for mode: off; remove it`}, false},
	{"tokens of nobody", open + "auth: {mode: oidc}\n", []string{`4: auth.issuer: is missing; mode: oidc requires it; add it`, `4: auth.audience: is missing; …`}, false},
	{"issuer in the clear", open + "auth: {mode: oidc, issuer: \"http://a.example\", audience: a}\n", []string{
		`4: auth.issuer: is "http://a.example"; allowed is a URL such as "https://issuer.example.com"`}, false},
	{"audience with keys", open + "auth: {mode: keys, audience: a}\n", []string{`4: auth.audience: is only for mode: oidc; remove it`}, false},
	{"tokens beside signatures", minimal[:len(minimal)-3] + "{api: {}}\nauth: {mode: oidc, issuer: \"https://a.example\", audience: a}\n", []string{
		`4: auth.mode: is "oidc", and serverless.api.authorizer "iam" leaves no room for a token: …`}, false},
	{"no name of a secret", open + "auth: {mode: keys, secret: \"my secret\"}\n", []string{
		`4: auth.secret: is "my secret"; allowed is the name of a secret, or its whole ARN`}, false},
	{"secret of another Region", open + "auth:\n  mode: keys\n  secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys-AbCdEf\n", []string{
		`6: auth.secret: is in eu-west-1, and regions has us-east-1; give the name of a secret that is in every Region`}, true},
	{"open API with an excuse", minimal[:len(minimal)-3] + "{api: {authorizer: none, reason: test}}\n", []string{
		`3: serverless.api.reason: is "test"; allowed is a sentence of at least 20 characters`, `3: serverless.api.authorizer: is "none", and so is …`}, false},
	{"reason without need", minimal[:len(minimal)-3] + "{api: {reason: it is behind a firewall of ours}}\n", []string{
		`3: serverless.api.reason: is only for authorizer: none; remove it`}, false},
	{"feedback that is no boolean", minimal + "gateway: {feedback: yes please}\n", []string{`4: gateway.feedback: is the text "yes please"; allowed is true or false`}, false},
	{"traces to nowhere", minimal + "tracing: {share: 101}\n", []string{`4: tracing.share: is 101; allowed is a whole number from 0 to 100`, `4: tracing.endpoint: is missing; …`}, false},
	{"collector without a URL", minimal + "tracing: {endpoint: collector}\n", []string{`4: tracing.endpoint: is "collector"; allowed is a URL such as "https://collector.example.com"`}, false},
	{"unknown log level", minimal + "gateway: {logLevel: trace}\n", []string{`4: gateway.logLevel: is "trace"; allowed are debug, info, warn, error`}, false},
	{"too many calls", minimal + "gateway: {maxCalls: 11}\n", []string{`4: gateway.maxCalls: is 11; allowed is a whole number from 1 to 10`}, false},
	{"two problems at once, by line", "account: 5\nregions: [moon]\nserverless:\n  memory: huge\n  extra: 1\n", []string{
		`1: account: is the number 5; …`, `2: regions[0]: is "moon"; …`, `4: serverless.memory: is "huge"; …`, `5: serverless.extra: is not a known key…`}, false},
	{"empty file", "# nothing yet\n", []string{`1: is empty; start from another environment's file`}, false},
	{"a list", "- a\n", []string{`1: is a list; allowed is a mapping of keys to values`}, false},
	{"not YAML", "account: \"1\nregions: [\n", []string{`3: is not YAML: found unexpected end of stream; correct this line or the one before`}, true},
	{"two documents", minimal + "---\nmore: 1\n", []string{`4: starts a second document; allowed is one; remove the line ---`}, true},
}

// local is open, and of the account of the local run.
var local = strings.Replace(open, "123456789012", settings.LocalAccount, 1)

// servers is an environment with both kinds of servers, without the block that a test is about.
func servers(without string, instead ...string) string {
	blocks := []struct{ key, text string }{
		{"account", "account: \"123456789012\"\n"}, {"regions", "regions: [us-east-1]\n"}, {"auth", "auth: {mode: keys}\n"},
		{"network", "network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}\n"},
		{"edge", "edge: {certificates: {us-east-1: \"arn:aws:acm:us-east-1:123456789012:certificate/0123abcd\"}, callers: [10.0.0.0/8]}\n"},
		{"containers", "containers: {}\n"}, {"instances", "instances: {}\n"},
	}
	var b strings.Builder
	for _, block := range blocks {
		if block.key != without {
			b.WriteString(block.text)
		}
	}
	return b.String() + strings.Join(instead, "")
}

const certificate = "certificates: {us-east-1: \"arn:aws:acm:us-east-1:123456789012:certificate/0123abcd\"}"

// pair is an environment of two Regions with one domain, without the block that a test is about.
func pair(without string, instead ...string) string {
	blocks := []struct{ key, text string }{
		{"account", "account: \"123456789012\"\n"}, {"regions", "regions: [us-east-1, us-west-2]\n"}, {"auth", "auth: {mode: keys}\n"},
		{"network", "network: {zones: {us-east-1: [us-east-1a, us-east-1b], us-west-2: [us-west-2a, us-west-2b]}, " +
			"prefixLists: {us-east-1: {route53: pl-00000001}, us-west-2: {route53: pl-00000002}}}\n"},
		{"edge", "edge: {certificates: {us-east-1: \"arn:aws:acm:us-east-1:123456789012:certificate/0\", us-west-2: \"arn:aws:acm:us-west-2:123456789012:certificate/0\"}, " +
			"callers: [192.0.2.0/24], internetFacing: true, hostedZone: Z01}\n"},
		{"containers", "containers: {domain: a.example.com}\n"}, {"failover", "failover: {}\n"},
	}
	var b strings.Builder
	for _, block := range blocks {
		if block.key != without {
			b.WriteString(block.text)
		}
	}
	return b.String() + strings.Join(instead, "")
}

// internalEdge is that of balancers that no health checker reaches.
const internalEdge = "edge: {certificates: {us-east-1: \"arn:aws:acm:us-east-1:123456789012:certificate/0\", us-west-2: \"arn:aws:acm:us-west-2:123456789012:certificate/0\"}, " +
	"callers: [10.0.0.0/8], hostedZone: Z01}\n"

// badPairs is what a failover needs of a file.
var badPairs = []refused{
	{"one Region", pair("regions", "regions: [us-east-1]\n"), []string{
		`3: network.zones.us-west-2: is none of regions, …`, `3: network.prefixLists.us-west-2: …`, `4: edge.certificates.us-west-2: …`,
		`6: failover: is there, and regions has 1; name two, or remove it`}, true},
	{"nothing to follow", pair("containers", "containers: {}\n"), []string{
		`5: edge.hostedZone: is for records, and no variant has a domain; …`, `6: failover: is there, and no variant has a domain that callers could follow; …`}, true},
	{"no zone", pair("edge", "edge:\n  certificates: {us-east-1: \"arn:aws:acm:us-east-1:123456789012:certificate/0\", us-west-2: \"arn:aws:acm:us-west-2:123456789012:certificate/0\"}\n"+
		"  callers: [192.0.2.0/24]\n  internetFacing: true\n"), []string{`7: edge.hostedZone: is missing; failover makes records in it; …`}, true},
	{"alarms that are too slow for long answers", pair("edge", internalEdge), []string{
		`6: failover: is up to 15m35s (metric 45s + alarm 2m0s + delivery 1m0s + DNS 1m0s + connections 1m0s + silence 9m50s + capacity 0s); allowed is 15m0s; …`}, true},
	{"questions to what nobody reaches", strings.Replace(pair("edge", internalEdge, "gateway: {streamBudget: 60s}\n"), "failover: {}", "failover: {path: /livez, interval: 30s, failures: 2, capacity: 1m}", 1), []string{
		`6: failover.path: is of health checks that ask, and edge.internetFacing is false: …`, `6: failover.interval: is of health checks that ask, …`, `6: failover.failures: is of health checks that ask, …`}, true},
	{"checkers kept out", pair("network", "network:\n  zones: {us-east-1: [us-east-1a, us-east-1b], us-west-2: [us-west-2a, us-west-2b]}\n"), []string{
		`7: network.prefixLists.us-east-1.route53: is missing, and edge.callers does not let Route 53's health checkers in; …`,
		`7: network.prefixLists.us-west-2.route53: is missing, …`}, true},
	{"a recovery that takes too long", pair("failover", "failover:\n  capacity: 10m\n"), []string{
		`7: failover: is up to 24m38s (judgement 1m0s + first byte 1m0s + detection 30s + checkers 18s + DNS 1m0s + connections 1m0s + silence 9m50s + capacity 10m0s); allowed is 15m0s; shorten a term (gateway.streamBudget …`}, true},
	{"thresholds that break it", pair("failover", "failover: {failures: 10, interval: 30s, capacity: 5m}\n"), []string{`7: failover: is up to 24m50s (…`}, true},
	{"health checks that are billed", pair("failover", "failover:\n  path: /v1/chat/completions\n"), []string{
		`8: failover.path: is "/v1/chat/completions", which calls Amazon Bedrock and is billed; use /healthz`}, true},
	{"health checks without a key", pair("failover", "failover: {path: /v1/models}\n"), []string{`7: failover.path: is "/v1/models", which asks callers who they are; …`}, true},
	{"an interval that Route 53 does not know", pair("failover", "failover:\n  interval: 20s\n"), []string{`8: failover.interval: is 20s; Route 53 knows 10s and 30s`}, false},
	{"signed health checks", pair("containers", "serverless: {api: {domain: b.example.com}}\n"), []string{
		`4: network: is used by nothing: …`, `5: edge.callers: is of balancers, …`,
		`7: serverless.api.authorizer: is "iam", and the health checkers of Route 53 sign nothing; …`}, true},
	{"an acknowledgement without need", pair("", "acknowledge: {recoveryTime: it is only for batches at night}\n"), []string{
		`8: acknowledge.recoveryTime: is only for a recovery that takes more than 15m0s, and this one takes 14m38s; remove it`}, true},
	{"an acknowledgement of nothing", minimal + "acknowledge: {recoveryTime: it is only for batches at night}\n", []string{
		`4: acknowledge.recoveryTime: is there, and nothing fails over; remove it, or add failover`}, true},
	{"data that nobody keeps", minimal + "audit: {dataOnly: true}\n", []string{`4: audit.dataOnly: is true, and without archive there is no data to watch; …`}, true},
}

// badServers is what containers and instances need of a file.
var badServers = []refused{
	{"no network", servers("network"), []string{`1: network: is missing; containers, instances and serverless.vpc need one; …`}, false},
	{"a collector out of reach", servers("", "tracing: {endpoint: \"https://collector.example.com\"}\n"), []string{
		`8: tracing.endpoint: is there, and what runs in the network reaches AWS's endpoints alone; add network.nat: true, or remove tracing`}, true},
	{"a collector behind another port", servers("network", "network: {nat: true, zones: {us-east-1: [us-east-1a, us-east-1b]}}\n", "tracing: {endpoint: \"https://collector.example.com:4318\"}\n"), []string{
		`8: tracing.endpoint: is "https://collector.example.com:4318", and what runs in the network may leave it by HTTPS alone, on port 443`}, true},
	{"a network for nothing", minimal + "network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}\n", []string{`4: network: is used by nothing: …`}, true},
	{"one zone", servers("network", "network: {zones: {us-east-1: [us-east-1a]}}\n"), []string{`7: network.zones.us-east-1: has 1 zones; allowed are 2, …`}, false},
	{"unknown zone", servers("network", "network: {zones: {us-east-1: [us-east-1a, us-east-1z]}}\n"), []string{
		`7: network.zones.us-east-1[1]: is "us-east-1z"; allowed is the name of an availability zone, such as "us-east-1a"`}, false},
	{"zone of another Region", servers("network", "network: {zones: {us-east-1: [us-east-1a, us-west-2b]}}\n"), []string{
		`7: network.zones.us-east-1[1]: is "us-west-2b", which is not in us-east-1; name a zone of that Region`}, true},
	{"zone twice", servers("network", "network: {zones: {us-east-1: [us-east-1a, us-east-1a]}}\n"), []string{
		`7: network.zones.us-east-1[1]: is "us-east-1a" a second time; remove one`}, false},
	{"zones of a Region that is none of regions", servers("network", "network:\n  zones: {us-east-1: [us-east-1a, us-east-1b], us-east-2: [us-east-2a, us-east-2b]}\n"), []string{
		`8: network.zones.us-east-2: is none of regions, which has us-east-1 (did you mean "us-east-1"?); correct or remove it`}, true},
	{"a Region without zones", servers("regions", "regions: [us-east-1, us-west-2]\n"), []string{
		`3: network: says nothing of us-west-2, which is one of regions; add zones or import for it`,
		`4: edge.certificates.us-west-2: is missing; …`}, true},
	{"a zone without Fargate", servers("network", "network:\n  zones: {us-east-1: [us-east-1a, us-east-1b]}\n  zoneIds: {us-east-1b: use1-az3}\n"), []string{
		`9: network.zoneIds.us-east-1b: is use1-az3, where Fargate has no Graviton; take another zone`}, true},
	{"public addresses inside", servers("network", "network: {zones: {us-east-1: [us-east-1a, us-east-1b]}, cidr: 8.8.0.0/16}\n"), []string{
		`7: network.cidr: is "8.8.0.0/16"; allowed is a private IPv4 range from /16 to /19 …`}, true},
	{"a target in another Region", servers("", "models: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-5, region: us-west-2}]}}\n"), []string{
		`8: models.haiku.targets[0].region: is us-west-2, and from isolated subnets in us-east-1 only that Region's Bedrock can be reached; write network.nat: true, …`}, true},
	{"an issuer out of reach", servers("auth", "auth: {mode: oidc, issuer: \"https://a.example\", audience: a}\n"), []string{
		`7: auth.mode: is "oidc", and from isolated subnets nobody reaches the issuer's keys; …`}, true},
	{"signatures that nobody checks", servers("auth", "auth: {mode: iam}\n"), []string{
		`5: containers: is there, and auth.mode is "iam", which API Gateway checks and a balancer does not: …`, `6: instances: is there, and …`}, false},
	{"authentication off", servers("auth", "auth: {mode: off, reason: it is behind a firewall of ours}\n"), []string{
		`7: auth.mode: is "off", and account is "123456789012": …`}, false},
	{"no certificate", servers("edge", "edge:\n  callers: [10.0.0.0/8]\n"), []string{
		`7: edge.certificates.us-east-1: is missing; a balancer speaks nothing but HTTPS; add the ARN of a certificate in AWS Certificate Manager, us-east-1`}, false},
	{"a certificate of another Region", servers("edge", "edge:\n  certificates: {us-east-1: \"arn:aws:acm:us-west-2:123456789012:certificate/0\"}\n  callers: [10.0.0.0/8]\n"), []string{
		`8: edge.certificates.us-east-1: is a certificate in us-west-2, and a balancer in us-east-1 takes only one of its own Region`}, true},
	{"no callers", servers("edge", "edge: {"+certificate+"}\n"), []string{`7: edge.callers: is missing; name the IPv4 ranges that may call the balancers`}, false},
	{"world-open", servers("edge", "edge:\n  "+certificate+"\n  internetFacing: true\n  callers: [0.0.0.0/0]\n"), []string{
		`10: edge.callers: has 0.0.0.0/0: the whole internet could call; name the callers, or add openReason, …`}, true},
	{"world-open with an excuse", servers("edge", "edge:\n  "+certificate+"\n  internetFacing: true\n  callers: [0.0.0.0/0]\n  openReason: test\n"), []string{
		`11: edge.openReason: is "test"; allowed is a sentence of 20 to 240 letters …`}, false},
	{"world-open inside", servers("edge", "edge:\n  "+certificate+"\n  callers: [0.0.0.0/0]\n  openReason: everyone who reaches the VPC may call\n"), []string{
		`9: edge.callers: has 0.0.0.0/0, and internetFacing is not true: …`}, true},
	{"half of the internet", servers("edge", "edge: {"+certificate+", callers: [0.0.0.0/1]}\n"), []string{`7: edge.callers[0]: is 0.0.0.0/1, wider than /8; …`}, false},
	{"a reason without need", servers("edge", "edge: {"+certificate+", callers: [10.0.0.0/8], openReason: it is open to the whole world}\n"), []string{
		`7: edge.openReason: is only for callers with 0.0.0.0/0; remove it`}, true},
	{"a web ACL and none", servers("edge", "edge: {"+certificate+", callers: [10.0.0.0/8], requestsPerIp: 100, noFirewallReason: another one is in front of it}\n"), []string{
		`7: edge.requestsPerIp: is of the web ACL, and noFirewallReason says that there is none; remove one`}, false},
	{"a size that Fargate does not offer", servers("containers", "containers: {cpu: 512, memory: 5120}\n"), []string{
		`7: containers.memory: is 5120 MB; with cpu: 512 Fargate offers [1024 2048 3072 4096]`}, true},
	{"an image by its tag", servers("containers", "containers:\n  image: {repository: gateway, digest: latest}\n"), []string{
		`8: containers.image.digest: is "latest"; allowed is sha256: and 64 hexadecimal digits, as pipeline image push prints`}, false},
	{"an image without a digest", servers("containers", "containers: {image: {repository: gateway}}\n"), []string{
		`7: containers.image.digest: is missing; it is required; add it`}, false},
	{"an image of another account", servers("containers", "containers:\n  image:\n    repository: arn:aws:ecr:us-east-1:1:repository/gateway\n    digest: sha256:"+strings.Repeat("0", 64)+"\n"), []string{
		`9: containers.image.repository: is "arn:aws:ecr:us-east-1:1:repository/gateway"; allowed is the name of a repository in ECR, such as "gateway"`}, false},
	{"CPU units in between", servers("containers", "containers: {cpu: 600}\n"), []string{`7: containers.cpu: is 600 units; Fargate offers …`}, false},
	{"x86", servers("instances", "instances: {types: [c7i.large]}\n"), []string{`7: instances.types[0]: is "c7i.large"; allowed is a Graviton instance type, such as "c8g.large"`}, false},
	{"fewer than there must be", servers("instances", "instances: {scaling: {min: 4, max: 3}}\n"), []string{`7: instances.scaling: has min 4 and max 3; …`}, true},
	{"one name for two", servers("instances", "instances: {domain: a.example.com}\n"+"serverless: {api: {authorizer: none, domain: a.example.com}}\n"), []string{
		`8: serverless.api.domain: is "a.example.com", as is instances.domain; …`}, true},
	{"records of nothing", servers("edge", "edge: {"+certificate+", callers: [10.0.0.0/8], hostedZone: Z0123456789}\n"), []string{
		`7: edge.hostedZone: is for records, and no variant has a domain; …`}, true},
	{"a global profile in the EU", "account: \"123456789012\"\nregions: [eu-west-1]\nserverless: {}\nmodels: {haiku: {targets: [{model: global.anthropic.claude-haiku-5-5}]}}\n", []string{
		`4: models.haiku.targets[0].model: is "global.anthropic.claude-haiku-5-5", which may be routed to any commercial Region, and regions has eu-west-1; write an eu. profile, …`}, true},
	{"a global profile in the EU by default", "account: \"123456789012\"\nregions: [eu-west-1]\nserverless: {}\nacknowledge: {globalProfiles: it is all right}\n", []string{
		`1: models.haiku.targets[0].model: …`, `1: models.sonnet.targets[0].model: …`, `1: models.opus.targets[0].model: …`,
		`4: acknowledge.globalProfiles: is "it is all right"; allowed is a sentence of at least 20 characters`}, false},
	{"an address that is none", minimal + "observability: {emails: [team]}\n", []string{`4: observability.emails[0]: is "team"; allowed is an address such as "team@example.com"`}, false},
	{"addresses for topics of others", minimal + "observability: {emails: [a@example.com], topics: {us-east-1: arn:aws:sns:us-east-1:123456789012:alarms}}\n", []string{
		`4: observability.emails: are told by topics that the stacks make, and topics names others; …`}, false},
	{"a topic elsewhere", minimal + "observability: {topics: {us-east-1: arn:aws:sns:us-west-2:123456789012:alarms}}\n", []string{
		`4: observability.topics.us-east-1: is a topic in us-west-2, and an alarm in us-east-1 tells only one of its own Region`}, true},
	{"a Region without a topic", "account: \"123456789012\"\nregions: [us-east-1, us-west-2]\nserverless: {}\nobservability: {topics: {us-east-1: arn:aws:sns:us-east-1:123456789012:alarms}}\n", []string{
		`4: observability.topics.us-west-2: is missing; alarms and a budget tell only a topic of their own Region, and some are in us-west-2`}, true},
	{"a silence of minutes", minimal + "observability: {quiet: 7m}\n", []string{`4: observability.quiet: is 7m0s; allowed are whole times of 5m0s`}, true},
	{"an archive that nobody writes", minimal + "archive: {}\n", []string{`4: archive: is there, and neither containers nor instances: …`}, false},
	{"limits of nobody", minimal + "gateway: {maxConcurrency: 5, tenantLimits: {default: {streams: 1}}}\n", []string{
		`4: gateway.maxConcurrency: is for the processes of containers and instances, and there are none; …`, `4: gateway.tenantLimits: is for …`}, true},
	{"limits of nothing", servers("", "gateway: {maxConcurrency: 0, maxQueue: -1, queueWait: 2m, tenantLimits: {default: {streams: 0}, tenants: {\"\": {stream: 1}}}}\n"), []string{
		`8: gateway.maxConcurrency: is 0; allowed is a whole number from 1 to 100000`, `8: gateway.maxQueue: is -1; …`, `8: gateway.queueWait: is "2m"; …`,
		`8: gateway.tenantLimits.default.streams: is 0; …`, `8: gateway.tenantLimits.tenants.: is no tenant; …`,
		`8: gateway.tenantLimits.tenants..stream: is not a known key (did you mean "streams"?)…`}, false},
	{"less than one body", servers("", "gateway: {maxHeldBytes: 1048576}\n"), []string{
		`8: gateway.maxHeldBytes: is 1048576, less than one body may have: gateway.maxBodyBytes is 10485760; raise it`}, true},
	{"an archive that is slow", servers("", "archive: {interval: 2m}\n"), []string{`8: archive.interval: is "2m"; allowed is a duration from 1s to 1m0s, …`}, true},
	{"an import nobody described", servers("network", "network:\n  import:\n    us-east-1:\n      vpc: vpc-0123456789abcdef0\n      subnetsFile: none.json\n      isolated: [subnet-00000001, subnet-00000002]\n"), []string{
		`11: network.import.us-east-1.subnetsFile: is "none.json", which cannot be read: no such file or directory; make it with: aws ec2 describe-subnets --region us-east-1 …`}, true},
}

// open is an environment whose API asks nobody for a signature.
const open = "account: \"123456789012\"\nregions: [us-east-1]\nserverless: {api: {authorizer: none}}\n"

func manyAliases(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  alias-" + string(rune('a'+i%26)) + strings.Repeat("x", i) + ": {targets: [{model: global.anthropic.claude-haiku-5-5}]}\n")
	}
	return b.String()
}

func TestBadFilesAreRefusedWithLineAndAdvice(t *testing.T) {
	for _, test := range slices.Concat(bad, badServers, badPairs) {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.text)
			_, err := environment.Load(path, today)
			if err == nil {
				t.Fatal("it is accepted")
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), path+":", ""), "\n")
			if len(got) != len(test.want) {
				t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			for i := range got {
				start, cut := strings.CutSuffix(test.want[i], "…")
				if got[i] != test.want[i] && (!cut || !strings.HasPrefix(got[i], start)) {
					t.Errorf("got  %s\nwant %s", got[i], test.want[i])
				}
			}
		})
	}
}
