// Package settings is the contract between the templates that deploy a program and the program: which environment
// variables there are and how each is written and read. Encode and Load are each other's inverse.
//
// The constructs and the programs both import it, so it must not know CDK, HTTP or AWS.
package settings

import (
	"log/slog"
	"time"
)

// The environment variables. All are set by the templates; nothing else is read from the environment, save by the
// AWS SDK and the Lambda runtime.
const (
	EnvEnvironment    = "GENAI_ENVIRONMENT"
	EnvVariant        = "GENAI_VARIANT"
	EnvAliases        = "GENAI_ALIASES"
	EnvMaxBodyBytes   = "GENAI_MAX_BODY_BYTES"
	EnvRequestTimeout = "GENAI_REQUEST_TIMEOUT"
	EnvPingInterval   = "GENAI_PING_INTERVAL"
	EnvFirstByte      = "GENAI_FIRST_BYTE"
	EnvHealthWindow   = "GENAI_HEALTH_WINDOW"
	EnvMaxCalls       = "GENAI_MAX_CALLS"
	EnvBedrockClient  = "GENAI_BEDROCK_CLIENT"
	EnvLogLevel       = "GENAI_LOG_LEVEL"
	EnvListen         = "GENAI_LISTEN"
	EnvDrainTimeout   = "GENAI_DRAIN_TIMEOUT"

	EnvMaxConcurrency = "GENAI_MAX_CONCURRENCY"
	EnvMaxQueue       = "GENAI_MAX_QUEUE"
	EnvQueueWait      = "GENAI_QUEUE_WAIT"
	EnvMaxHeldBytes   = "GENAI_MAX_HELD_BYTES"
	EnvTenantLimits   = "GENAI_TENANT_LIMITS"

	EnvArchiveBucket   = "GENAI_ARCHIVE_BUCKET"
	EnvArchiveInterval = "GENAI_ARCHIVE_INTERVAL" // with a bucket

	// Those of OpenTelemetry's SDK, which reads more of them.
	EnvTracingEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	EnvTracingSampler  = "OTEL_TRACES_SAMPLER"     // with an endpoint
	EnvTracingShare    = "OTEL_TRACES_SAMPLER_ARG" // with an endpoint

	EnvFeedbackSecret = "GENAI_FEEDBACK_SECRET"

	EnvAuth          = "GENAI_AUTH"
	EnvAuthSecret    = "GENAI_AUTH_SECRET"     // with AuthKeys
	EnvAuthOffReason = "GENAI_AUTH_OFF_REASON" // with AuthOff

	// With AuthOIDC.
	EnvAuthIssuer      = "GENAI_AUTH_ISSUER"
	EnvAuthAudience    = "GENAI_AUTH_AUDIENCE"
	EnvAuthJWKSURL     = "GENAI_AUTH_JWKS_URL"
	EnvAuthTenantClaim = "GENAI_AUTH_TENANT_CLAIM"
)

// BinaryMetadata is the CloudFormation metadata key under which a resource names the Go package of the program it
// runs, such as "./runtime/cmd/lambda". The local run starts the program that the template names.
const BinaryMetadata = "GenAI::Binary"

// The variants, as metrics and logs name them.
const (
	VariantServerless = "serverless"
	VariantContainers = "containers"
	VariantInstances  = "instances"
)

// How a program calls Bedrock. The two are alike in all but speed.
const (
	BedrockFast = "fast" // itself
	BedrockSDK  = "sdk"  // through the SDK's own client, which is the reference
)

// How a program knows its callers.
const (
	AuthKeys    = "keys"    // by API keys, whose hashes are in a secret
	AuthOIDC    = "oidc"    // by the JSON Web Tokens of an OpenID Connect issuer
	AuthGateway = "gateway" // as API Gateway and Lambda have authenticated them, by IAM; a plain server refuses everyone
	AuthOff     = "off"     // not at all
)

// ArchivePrefix begins the key of every object of the archive; a program needs to write nothing else in the bucket.
const ArchivePrefix = "records/"

// ArchiveCloseTimeout is how long a program may take, after its drain, to store the usage records it still holds.
// Whoever ends the program must leave it that much more than DrainTimeout.
const ArchiveCloseTimeout = 5 * time.Second

// LocalAccount is the account of the local run. No AWS account has this number, so what is synthesized for it cannot be
// deployed; only there may callers be unknown (AuthOff).
const LocalAccount = "000000000000"

// LeastOffReason is how many characters a reason for AuthOff must have.
const LeastOffReason = 10

// DefaultTenantClaim is the claim of a token that names the tenant, unless the settings name another.
const DefaultTenantClaim = "sub"

// Auth says how a program knows its callers. What does not belong to its mode is empty.
type Auth struct {
	Mode      string // one of AuthKeys, AuthOIDC, AuthGateway, AuthOff
	Secret    string // AuthKeys: name or ARN of the secret; required
	OffReason string // AuthOff: why anyone may call, at least LeastOffReason characters; required

	// AuthOIDC.
	Issuer      string // https URL; required
	Audience    string // that tokens must be for; required
	JWKSURL     string // where the issuer's keys are; default: discovered
	TenantClaim string // whose value is the tenant; default DefaultTenantClaim
}

// Archive says where a program keeps a usage record of each request. A function has none: it is frozen between
// invocations and ends without notice, so nothing it holds in memory is safe, and its log group has every request.
type Archive struct {
	Bucket   string        // name of the S3 bucket; empty: no archive
	Interval time.Duration // the longest that records wait in memory; 1 s to 60 s, default 60 s
}

// Tracing says where a program sends its traces. Only the traced programs do.
type Tracing struct {
	Endpoint string  // URL of a collector that takes OTLP over HTTP; empty: no traces
	Share    float64 // of the requests without a trace of their caller's, 0 to 1; default 1 with an endpoint. In one, the caller decides
}

// Target is one place an alias can be called.
type Target struct {
	Model  string `json:"model"`  // foundation model id or inference profile id
	Region string `json:"region"` // Region whose Bedrock endpoint is called
	// Profile is the ARN of an application inference profile of Model in Region, in the stack's own account, that is called
	// in its place, so that its tags are on the bill; empty: Model itself is called.
	Profile string `json:"profile,omitempty"`
}

// Alias is a name callers use, and where it leads.
type Alias struct {
	Name             string   `json:"name"`
	Targets          []Target `json:"targets"`          // tried in order; at least one
	DefaultMaxTokens int      `json:"defaultMaxTokens"` // sent when the caller names none
	MaxTokens        int      `json:"maxTokens"`        // the most a caller may ask for
}

// Settings is everything a deployed program is told.
type Settings struct {
	Environment    string        // name of the environment, a metric dimension
	Variant        string        // one of the variants, a metric dimension
	Aliases        []Alias       // in the order of preference for a catalog id that several serve
	MaxBodyBytes   int           // largest request body; default 10 MiB, at most 25 MiB
	RequestTimeout time.Duration // for the whole answer, streams included; default 290 s, at most 15 min
	PingInterval   time.Duration // silence on a stream before a ping; default 15 s
	// FirstByte is how long Bedrock may say nothing to a call that streams, before another target is tried; default 60 s,
	// 1 s to 15 min. The time of a whole answer is the model's own, so only RequestTimeout ends that.
	FirstByte      time.Duration
	HealthWindow   time.Duration // how far back /healthz looks, 1 s to 15 min; default 0: endpoint.HealthWindow
	MaxCalls       int           // calls to Bedrock for one request, the first included; default 3, at most 10
	BedrockClient  string        // BedrockFast or BedrockSDK; default BedrockFast
	LogLevel       slog.Level    // default info
	Listen         string        // address of the server; default ":8080"; Lambda ignores it
	DrainTimeout   time.Duration // how long running requests may end after SIGTERM; default 110 s; Lambda ignores it
	Auth           Auth          // required in the environment; Default has AuthGateway, which lets in nobody unknown
	Archive        Archive       // default: none; not with VariantServerless
	Limits         Limits
	Tracing        Tracing // default: none
	FeedbackSecret string  // name or ARN of the secret that feedback ids are made with; default: empty, nobody rates answers
}

// Secrets are the names or ARNs of the secrets that a program is told of and must be allowed to read.
func (s Settings) Secrets() []string {
	var secrets []string
	if s.Auth.Mode == AuthKeys {
		secrets = append(secrets, s.Auth.Secret)
	}
	if s.FeedbackSecret != "" {
		secrets = append(secrets, s.FeedbackSecret)
	}
	return secrets
}

// FirstByteAtWorst is how long it takes until a stream has failed when no target of one Region says anything: FirstByte for each
// that an alias has there, and never more than RequestTimeout. Those of another Region are not in it: they answer, or
// there is nothing to fail over to.
func (s Settings) FirstByteAtWorst() time.Duration {
	most := 0
	for _, alias := range s.Aliases {
		calls := map[string]int{}
		for _, target := range alias.Targets {
			calls[target.Region]++
			most = max(most, calls[target.Region])
		}
	}
	return min(time.Duration(min(most, s.MaxCalls))*s.FirstByte, s.RequestTimeout)
}

// IdleTimeout is how long a server keeps a connection that waits for its next request: a minute more than RequestTimeout.
// A balancer's idle timeout follows from the same budget and is shorter, so that it is never the server that hangs up.
func (s Settings) IdleTimeout() time.Duration { return s.RequestTimeout + time.Minute }

// Default returns the settings that need no decision. Environment, Variant and Aliases are left empty.
func Default() Settings {
	return Settings{
		MaxBodyBytes:   10 << 20,
		RequestTimeout: 290 * time.Second,
		PingInterval:   15 * time.Second,
		FirstByte:      time.Minute,
		MaxCalls:       3,
		BedrockClient:  BedrockFast,
		LogLevel:       slog.LevelInfo,
		Listen:         ":8080",
		DrainTimeout:   110 * time.Second,
		Auth:           Auth{Mode: AuthGateway},
		Archive:        Archive{Interval: time.Minute},
		Limits:         defaultLimits(),
	}
}
