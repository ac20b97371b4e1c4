// Package tag names the tags that every resource of an environment carries. By those of CostAllocation the bill tells
// projects and environments apart, from the day that the account which pays activates them (docs/runbooks/cost-anomaly.md).
// Tokens have no resource to carry tags, but for those asked for through application inference profiles.
//
// It must not know CDK: what reads environment files keeps these names free.
package tag

// The keys. An environment file gives Project a value; the others are the environment's own.
const (
	Project     = "project"
	Environment = "environment" // its name
	Lifecycle   = "lifecycle"   // Kept or Disposable
	Expires     = "expires"     // the day after which nobody needs it; only where there is one
	Variant     = "variant"     // what runs the program; only on application inference profiles
	Alias       = "alias"       // what callers name; only on application inference profiles
)

// DefaultProject is the project of an environment that names none.
const DefaultProject = "genai-pipeline"

// The values of Lifecycle.
const (
	Kept       = "kept"
	Disposable = "disposable"
)

// CostAllocation are the keys to activate as cost allocation tags.
func CostAllocation() []string { return []string{Project, Environment, Variant, Alias} }

// Reserved are the keys that nobody else may give a value.
func Reserved() []string { return []string{Environment, Lifecycle, Expires, Variant, Alias} }
