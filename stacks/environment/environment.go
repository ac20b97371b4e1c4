// Package environment reads the files in environments/: which account and Regions an environment has, which models
// its callers may name, and what is deployed. It refuses what it does not understand, names every problem of a file
// at once with its line, and checks the models against the dated catalog, so that a bad file is known in milliseconds,
// before anything is built or synthesized.
//
// It must not know CDK: the operator's command reads environments too, and never starts jsii.
package environment

import (
	"log/slog"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Environment is one file, checked and with every default filled in.
type Environment struct {
	Name       string            // file name without ".yaml"
	File       string            // as it was opened
	Account    string            // twelve digits
	Regions    []string          // at least one, the first is the primary; each is deployed on its own
	Production bool              // termination protection, data and versions kept when a stack goes; default false
	Expires    time.Time         // the day after which nobody needs it; zero, the default, for none. Never with Production
	Tags       map[string]string // on every resource; default none
	Models     []Model           // in the order of the file; default DefaultModels
	// ApplicationProfiles puts tags on the bill of tokens: what an alias calls in the stack's own Region is called through
	// an application inference profile. Default false.
	ApplicationProfiles bool
	Gateway             Gateway
	Auth                Auth
	Failover            *Failover // nil: Regions know nothing of each other
	Network             *Network  // nil: nothing runs in one
	Edge                Edge
	Acknowledge         Acknowledge
	Audit               *Audit // nil: no trail of ours
	// Observability is nil where nothing watches.
	Observability *Observability
	Archive       *Archive    // nil: usage records are in the logs alone
	Tracing       *Tracing    // nil: no request is traced
	Serverless    *Serverless // nil: this variant is not deployed; so with the others
	Containers    *Containers
	Instances     *Instances
	Warnings      Problems // what is allowed and may not be meant, such as a legacy model
}

// Model is an alias callers use, and where it leads.
type Model struct {
	Alias            string
	Targets          []Target // tried in order; at least one
	DefaultMaxTokens int      // asked for when the caller names no number; default DefaultTokens, at most MaxTokens
	MaxTokens        int      // the most a caller may ask for; default MostTokens, or the models' limit if that is less
}

// Target is one place an alias can be called.
type Target struct {
	Model        string   // a catalog id, on demand or of an inference profile
	Region       string   // whose Bedrock is called; empty for the Region of the stack itself
	Destinations []string // Regions a geography profile may route to; empty for global and for on demand
}

// Gateway is how the gateway behaves, whatever it runs on. The defaults are those of settings.Default.
type Gateway struct {
	MaxBodyBytes int
	// StreamBudget is how long one answer may take, streamed or not. Every timeout follows from it, in the order client >
	// balancer or API > function > gateway > upstream.
	StreamBudget time.Duration
	PingInterval time.Duration
	FirstByte    time.Duration // that Bedrock may say nothing to a call that streams, until another target is tried
	MaxCalls     int
	LogLevel     slog.Level
	// Limits bound what one process of the servers takes on. A function serves one request at a time, and each of its
	// processes counts for itself, so it keeps to none of them.
	Limits   settings.Limits
	Feedback bool // callers rate answers; default false
}

// Acknowledge holds the reasons for what is refused without one: each a sentence, empty for none.
type Acknowledge struct {
	GlobalProfiles string // why prompts of an environment in the EU may leave it
	RecoveryTime   string // why a failover may take more than recovery.Limit
}

// Archive keeps a record of each request's usage in a bucket, without any text of it; containers and instances write it.
type Archive struct {
	Retention int           // days; default 400
	Interval  time.Duration // until what was recorded is stored, at most; default 60 s
}

// Tracing sends the traces of requests to a collector, without any text of them.
type Tracing struct {
	Endpoint string // URL of one that takes OTLP over HTTP
	Share    int    // percent of the requests without a trace of their caller's; default 100
}

// Audit records who did what: management events, and who read and wrote usage records.
type Audit struct {
	Retention int  // days; default 400
	DataOnly  bool // leaves management events to a trail that exists, such as the organization's; default false
}

// Serverless is the variant of a Lambda function with or without an API in front.
type Serverless struct {
	Memory              Memory  // default Standard
	LogRetention        int     // days, one of RetentionDays; default 30
	ReservedConcurrency int     // executions; 0, the default, reserves none
	VPC                 bool    // runs in Network; default false
	Rollout             Rollout // default by Production
	API                 *API    // nil: the function is invoked directly, with IAM
}

// API is the REST API in front of the function.
type API struct {
	Authorizer string // AuthorizerIAM, the default, or AuthorizerNone
	Reason     string // AuthorizerNone: why, if Auth does not say it; else empty
	Domain     string // name of a host that leads to the API; default none: AWS's name
}

// The authorizers of an API.
const (
	AuthorizerIAM  = "iam"
	AuthorizerNone = "none"
)

// Memory is a tier of a function's memory. Lambda gives CPU in proportion.
type Memory string

// The tiers.
const (
	Light    Memory = "light"    // 512 MB
	Standard Memory = "standard" // 1024 MB
	Heavy    Memory = "heavy"    // 3008 MB
)

// MB returns the tier's size in megabytes.
func (m Memory) MB() int {
	switch m {
	case Light:
		return 512
	case Heavy:
		return 3008
	default:
		return 1024
	}
}

// The defaults of an alias, in tokens. Bedrock reserves quota for max_tokens at the start of a call, so both are far
// below what the models could do.
const (
	DefaultTokens = 4096
	MostTokens    = 32000
)

// DefaultModels returns the aliases of an environment that names none: the three classes of the original design, fast,
// balanced and capable, on global inference profiles.
func DefaultModels() []Model {
	model := func(alias, id string) Model {
		return Model{Alias: alias, Targets: []Target{{Model: id}}, DefaultMaxTokens: DefaultTokens, MaxTokens: MostTokens}
	}
	return []Model{
		model("haiku", "global.anthropic.claude-haiku-5-5"),
		model("sonnet", "global.anthropic.claude-sonnet-5-5"),
		model("opus", "global.anthropic.claude-opus-5-5"),
	}
}

// RetentionDays returns the numbers of days that CloudWatch Logs accepts, up to ten years.
func RetentionDays() []int {
	return []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

// Targets returns every target of every alias as seen from a stack in the given Region, in the order of the file.
// A target that several aliases share is listed as often.
func (e Environment) Targets(region string) []Target {
	var targets []Target
	for _, m := range e.Models {
		for _, t := range m.Targets {
			targets = append(targets, t.in(region))
		}
	}
	return targets
}

func (t Target) in(region string) Target {
	if t.Region == "" {
		t.Region = region
	}
	return t
}

// Settings returns what a program of the given variant (settings.VariantServerless …) in the given Region is told.
func (e Environment) Settings(variant, region string) settings.Settings {
	s := settings.Default()
	s.Environment = e.Name
	s.Variant = variant
	s.MaxBodyBytes = e.Gateway.MaxBodyBytes
	s.RequestTimeout = e.Gateway.StreamBudget
	s.PingInterval = e.Gateway.PingInterval
	s.FirstByte = e.Gateway.FirstByte
	s.MaxCalls = e.Gateway.MaxCalls
	s.LogLevel = e.Gateway.LogLevel
	if variant != settings.VariantServerless {
		s.Limits = e.Gateway.Limits
	}
	s.Auth = e.Auth.settings()
	if e.Archive != nil {
		s.Archive.Interval = e.Archive.Interval
	}
	if e.Tracing != nil {
		s.Tracing = settings.Tracing{Endpoint: e.Tracing.Endpoint, Share: float64(e.Tracing.Share) / 100}
	}
	for _, m := range e.Models {
		alias := settings.Alias{Name: m.Alias, DefaultMaxTokens: m.DefaultMaxTokens, MaxTokens: m.MaxTokens}
		for _, t := range m.Targets {
			t = t.in(region)
			alias.Targets = append(alias.Targets, settings.Target{Model: t.Model, Region: t.Region})
		}
		s.Aliases = append(s.Aliases, alias)
	}
	return s
}

// defaults returns the environment that an empty file means, but for what is required.
func defaults() Environment {
	s := settings.Default()
	return Environment{
		Models: DefaultModels(),
		Gateway: Gateway{
			MaxBodyBytes: s.MaxBodyBytes,
			StreamBudget: s.RequestTimeout,
			PingInterval: s.PingInterval,
			FirstByte:    s.FirstByte,
			MaxCalls:     s.MaxCalls,
			LogLevel:     s.LogLevel,
			Limits:       s.Limits,
		},
		Auth: Auth{Mode: AuthIAM},
		Edge: Edge{RequestsPerIP: defaultRequestsPerIP, AccessLogRetention: 90},
	}
}
