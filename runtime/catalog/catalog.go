// Package catalog is the dated list of Bedrock models this product knows: ids, the forms they can be called by,
// destination Regions, lifecycle dates, prices and limits. The facts live in catalog.json, each with its source and
// the day it was read; what nobody could verify is left out, never guessed.
//
// The constructs use it to write IAM statements and to refuse dead models, the runtime to route and to price, the
// embedded Bedrock to refuse what Bedrock refuses. It must not know any of them, and it makes no network call.
package catalog

import "time"

// Status is where a model stands in its life on a given day.
type Status string

// The three states. Bedrock refuses a legacy model to new customers, and answers ResourceNotFoundException for an ended
// one.
const (
	Active Status = "active"
	Legacy Status = "legacy"
	Ended  Status = "ended"
)

// Model is one foundation model. Its slices are the catalog's own: read them only.
type Model struct {
	ID              string    // foundation model id, such as "anthropic.claude-haiku-5-5"
	Name            string    // display name
	Provider        string    // "anthropic", "amazon": the id's first part
	Legacy          time.Time // first day of legacy state, UTC midnight; zero when none is announced
	EndOfLife       time.Time // first day on which calls fail; zero when none is announced
	Successor       string    // model id to move to; required once Legacy or EndOfLife is set
	OnDemand        bool      // can be called by ID itself; otherwise only through one of Profiles
	OnDemandPrice   Price     // of calls by ID itself, in us-east-1
	Profiles        []Profile // the inference profiles, global first when there is one
	RejectsSampling bool      // answers 400 to temperature and top_p
	MaxOutputTokens int       // the model's own limit; 0 when not verified
	Sources         []string  // where the facts come from, each with its date
}

// Profile is a system-defined cross-Region inference profile.
type Profile struct {
	Prefix string // "global", "us", "eu", "jp", "au"
	// Destinations are the Regions a call may be routed to. Empty for global (all commercial Regions), and for a
	// geography whose destinations nobody verified: an environment must then state them.
	Destinations []string
	Price        Price
}

// Price is in US dollars per million tokens. Zero Input means that no price is known.
type Price struct {
	Input, Output         float64
	CacheRead, CacheWrite float64 // CacheWrite is the 5-minute rate
	// LongPromptOver and LongPromptFactor: a prompt of more tokens multiplies every rate; zero when there is none.
	LongPromptOver   int
	LongPromptFactor float64
	AsOf             time.Time // the day the price was read
}

// Call is a model id as Bedrock is called with it, taken apart.
type Call struct {
	ID      string   // as given
	Model   Model    // the foundation model behind it
	Profile *Profile // nil when the model is called by its own id
}
