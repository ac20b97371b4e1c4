package environment

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/genai-pipeline/genai-pipeline/constructs/tag"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// The forms of text. The JSON Schema repeats them; a test holds both to the same files.
var (
	accountForm  = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm   = regexp.MustCompile(`^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[1-9]$`)
	aliasForm    = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	tagKeyForm   = regexp.MustCompile(`^[A-Za-z0-9 _.:/=+@-]{1,128}$`)
	tagValueForm = regexp.MustCompile(`^[A-Za-z0-9 _.:/=+@-]{0,256}$`)
	tenantForm   = regexp.MustCompile(`^[ -~]{1,256}$`)
	reasonForm   = regexp.MustCompile(`^.{20,}$`)
)

const regionWords = `a commercial Region such as "us-east-1"`

// Limits of AWS and of settings.Load, to be met here rather than at deploy.
const (
	maxTags    = 40 // of the 50 that CloudFormation allows
	mostTokens = 1_000_000
)

func (v value) environment(e *Environment) {
	v.object(fields{
		"account":             func(v value) { v.match(&e.Account, accountForm, `twelve digits in quotes, such as "123456789012"`) },
		"regions":             func(v value) { e.Regions = v.regions() },
		"production":          func(v value) { v.boolean(&e.Production) },
		"expires":             func(v value) { v.day(&e.Expires) },
		"tags":                func(v value) { e.Tags = v.tags() },
		"models":              func(v value) { e.Models = v.models() },
		"applicationProfiles": func(v value) { v.boolean(&e.ApplicationProfiles) },
		"gateway":             func(v value) { v.gateway(&e.Gateway) },
		"auth":                func(v value) { v.auth(&e.Auth) },
		"failover":            func(v value) { e.Failover = v.failover() },
		"network":             func(v value) { e.Network = v.network() },
		"edge":                func(v value) { v.edge(&e.Edge) },
		"acknowledge":         func(v value) { v.acknowledge(&e.Acknowledge) },
		"audit":               func(v value) { e.Audit = v.audit() },
		"archive":             func(v value) { e.Archive = v.archive() },
		"observability":       func(v value) { e.Observability = v.observability() },
		"tracing":             func(v value) { e.Tracing = v.tracing() },
		"serverless":          func(v value) { e.Serverless = v.serverless() },
		"containers":          func(v value) { e.Containers = v.containers() },
		"instances":           func(v value) { e.Instances = v.instances() },
	}, "account", "regions")
	if v.node.Kind == yaml.MappingNode && v.d.lines["serverless"]+v.d.lines["containers"]+v.d.lines["instances"] == 0 {
		v.d.problem("serverless", "is missing, and so are containers and instances: nothing would be deployed; add one; "+
			"serverless: {} takes every default")
	}
}

func (v value) regions() []string {
	var regions []string
	v.list(func(v value) {
		var region string
		if !v.match(&region, regionForm, regionWords) {
			return
		}
		if slices.Contains(regions, region) {
			v.problem("is %q a second time; remove one", region)
			return
		}
		regions = append(regions, region)
	})
	return regions
}

func (v value) tags() map[string]string {
	tags := map[string]string{}
	v.entries(func(name string, v value) {
		var text string
		if !tagKeyForm.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "aws:") {
			v.problem("is no tag key; allowed are 1 to 128 letters, digits, spaces and _.:/=+@-, not starting with aws:")
		}
		if slices.Contains(tag.Reserved(), name) {
			v.problem("is a tag that the stacks set themselves; name it otherwise, or remove it")
		}
		if v.match(&text, tagValueForm, "at most 256 letters, digits, spaces and _.:/=+@-") {
			tags[name] = text
		}
	})
	if len(tags) > maxTags {
		v.problem("are %d; allowed are %d; remove some", len(tags), maxTags)
	}
	return tags
}

func (v value) models() []Model {
	var models []Model
	v.entries(func(name string, v value) {
		if !aliasForm.MatchString(name) {
			v.problem("is no alias; allowed are small letters, digits and -, the first a letter")
		}
		models = append(models, v.model(name))
	})
	if len(models) == 0 {
		v.problem("names no model; name one, or remove the key for the defaults %s", strings.Join(defaultAliases(), ", "))
	}
	return models
}

// model leaves numbers of tokens that are not written at 0; the checker fills them in, for the model's limit counts.
func (v value) model(alias string) Model {
	m := Model{Alias: alias}
	v.object(fields{
		"targets": func(v value) {
			v.list(func(v value) { m.Targets = append(m.Targets, v.target()) })
		},
		"defaultMaxTokens": func(v value) { v.integer(&m.DefaultMaxTokens, 1, mostTokens) },
		"maxTokens":        func(v value) { v.integer(&m.MaxTokens, 1, mostTokens) },
	}, "targets")
	return m
}

func (v value) target() Target {
	var t Target
	v.object(fields{
		"model":        func(v value) { v.text(&t.Model) },
		"region":       func(v value) { v.match(&t.Region, regionForm, regionWords) },
		"destinations": func(v value) { t.Destinations = v.regions() },
	}, "model")
	return t
}

func (v value) gateway(g *Gateway) {
	v.object(fields{
		"maxBodyBytes": func(v value) { v.integer(&g.MaxBodyBytes, 1<<10, 25<<20) },
		"streamBudget": func(v value) { v.duration(&g.StreamBudget, time.Second, 15*time.Minute) },
		"firstByte":    func(v value) { v.duration(&g.FirstByte, time.Second, 15*time.Minute) },
		"pingInterval": func(v value) { v.duration(&g.PingInterval, 10*time.Millisecond, time.Minute) },
		"maxCalls":     func(v value) { v.integer(&g.MaxCalls, 1, 10) },
		"logLevel":     func(v value) { v.level(&g.LogLevel) },

		"maxConcurrency": func(v value) { v.integer(&g.Limits.Concurrency, 1, 100_000) },
		"maxQueue":       func(v value) { v.integer(&g.Limits.Queue, 0, 100_000) },
		"queueWait":      func(v value) { v.duration(&g.Limits.QueueWait, 0, time.Minute) },
		"maxHeldBytes":   func(v value) { v.integer(&g.Limits.HeldBytes, 1<<10, 16<<30) },
		"tenantLimits":   func(v value) { v.tenantLimits(&g.Limits.Tenants) },
		"feedback":       func(v value) { v.boolean(&g.Feedback) },
	})
}

func (v value) tenantLimits(t *settings.TenantLimits) {
	v.object(fields{
		"default": func(v value) { t.Default = v.quota() },
		"tenants": func(v value) {
			t.ByTenant = map[string]settings.Quota{}
			v.entries(func(name string, v value) {
				if !tenantForm.MatchString(name) {
					v.problem("is no tenant; allowed are 1 to 256 printable characters")
				}
				t.ByTenant[name] = v.quota()
			})
		},
	})
}

// quota reads numbers of at least 1: no limit is to write none.
func (v value) quota() settings.Quota {
	var q settings.Quota
	v.object(fields{
		"requestsPerMinute": func(v value) { v.integer(&q.RequestsPerMinute, 1, settings.MostOfQuota) },
		"tokensPerMinute":   func(v value) { v.integer(&q.TokensPerMinute, 1, settings.MostOfQuota) },
		"streams":           func(v value) { v.integer(&q.Streams, 1, settings.MostOfQuota) },
	})
	return q
}

func (v value) acknowledge(a *Acknowledge) {
	v.object(fields{
		"globalProfiles": func(v value) { v.match(&a.GlobalProfiles, reasonForm, "a sentence of at least 20 characters") },
		"recoveryTime":   func(v value) { v.match(&a.RecoveryTime, reasonForm, "a sentence of at least 20 characters") },
	})
}

func (v value) audit() *Audit {
	a := &Audit{Retention: 400}
	v.object(fields{
		"retention": func(v value) { v.integer(&a.Retention, 1, 3653) },
		"dataOnly":  func(v value) { v.boolean(&a.DataOnly) },
	})
	return a
}

func (v value) archive() *Archive {
	a := &Archive{Retention: 400, Interval: settings.Default().Archive.Interval}
	v.object(fields{
		"retention": func(v value) { v.integer(&a.Retention, 1, 3653) },
		"interval":  func(v value) { v.duration(&a.Interval, time.Second, time.Minute) },
	})
	return a
}

func (v value) level(into *slog.Level) {
	text := strings.ToLower(into.String())
	v.choice(&text, "debug", "info", "warn", "error")
	// The choice admits only what a level reads.
	_ = into.UnmarshalText([]byte(text))
}

func (v value) serverless() *Serverless {
	s := &Serverless{Memory: Standard, LogRetention: 30}
	memory := string(s.Memory)
	v.object(fields{
		"memory":              func(v value) { v.choice(&memory, string(Light), string(Standard), string(Heavy)) },
		"logRetention":        func(v value) { v.retention(&s.LogRetention) },
		"reservedConcurrency": func(v value) { v.integer(&s.ReservedConcurrency, 1, 100_000) },
		"vpc":                 func(v value) { v.boolean(&s.VPC) },
		"rollout":             func(v value) { v.rollout(&s.Rollout) },
		"api":                 func(v value) { s.API = v.api() },
	})
	s.Memory = Memory(memory)
	return s
}

func (v value) retention(into *int) {
	days := RetentionDays()
	if v.integer(into, days[0], days[len(days)-1]) && !slices.Contains(days, *into) {
		v.problem("is %d days; CloudWatch allows %s", *into, strings.Trim(fmt.Sprint(days), "[]"))
	}
}

func (v value) api() *API {
	a := &API{Authorizer: AuthorizerIAM}
	v.object(fields{
		"authorizer": func(v value) { v.choice(&a.Authorizer, AuthorizerIAM, AuthorizerNone) },
		"reason":     func(v value) { v.match(&a.Reason, reasonForm, "a sentence of at least 20 characters") },
		"domain":     func(v value) { v.domain(&a.Domain) },
	})
	given := v.d.lines[join(v.path, "reason")] != 0
	if a.Authorizer == AuthorizerIAM && given {
		v.d.problem(join(v.path, "reason"), `is only for authorizer: none; remove it`)
	}
	return a
}

func defaultAliases() []string {
	var names []string
	for _, m := range DefaultModels() {
		names = append(names, m.Alias)
	}
	return names
}
