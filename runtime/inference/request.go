package inference

import "context"

// Target is one place a model can be called.
type Target struct {
	Model  string // a foundation model id or an inference profile id, as the catalog knows it
	Region string // the Region whose endpoint is called, such as "us-east-1"
	// Profile is the ARN of an application inference profile that stands for Model there and is called in its place; empty:
	// Model itself is called. Everything else follows from Model: limits, prices, and what metrics and records say.
	Profile string
}

// Called is what Bedrock is called with.
func (t Target) Called() string {
	if t.Profile != "" {
		return t.Profile
	}
	return t.Model
}

// Route is where a model name leads: an ordered list of targets and the limits that hold for all of them.
type Route struct {
	Alias            string   // the configured alias; what metrics and logs show
	Targets          []Target // tried in order; never empty
	DefaultMaxTokens int      // sent when the caller names none: an unset value reserves the model's maximum of the quota
	MaxTokens        int      // the most a caller may ask for
	Messages         bool     // every target takes an Anthropic Messages body over InvokeModel
}

// Router finds the route for the model name a caller used. It returns a NotFound error that lists what is allowed.
type Router interface {
	// Route is exact: no name leads to another's route.
	Route(model string) (Route, error)
}

// Provider answers requests. It retries and fails over on its own, and never after an event was handed out.
// Every error it returns is an *Error.
type Provider interface {
	// Complete waits for the whole answer.
	Complete(ctx context.Context, request *Request) (*Reply, error)
	// Stream returns once the model has begun its answer: an error up to there is returned here, after retries.
	// The caller closes the stream; closing it early, like ending ctx, cancels the model's work.
	Stream(ctx context.Context, request *Request) (Stream, error)
}

// Stream is an answer in progress, read by one goroutine.
type Stream interface {
	// Next returns the next event, io.EOF after the last, or an *Error. The event's slices are valid until the next call.
	Next() (Event, error)
	// Buffered tells that Next will not wait: who writes events on can write this one together with that.
	Buffered() bool
	// Close ends the call if it still runs. Whoever has the stream calls it once, also after an error of Next.
	Close() error
}

// Request is one question to a model. Exactly one of Body and Turns is set: Body is passed through as it is
// (InvokeModel), Turns are translated (Converse).
type Request struct {
	Route  Route
	Stream bool

	Body []byte // a complete Anthropic Messages body in Bedrock's form

	System      []string
	Turns       []Turn
	Tools       []Tool
	ToolChoice  ToolChoice
	MaxTokens   int      // always set
	Temperature *float64 // nil: not sent, for newer models refuse it
	TopP        *float64 // nil: not sent
	Stop        []string

	// Trail is filled by the provider while it works, whatever the outcome.
	Trail Trail
}

// Trail records what it took to answer a request.
type Trail struct {
	Target    Target // the target of the last call
	Calls     int    // calls to Bedrock, the first included
	Throttles int    // calls that Bedrock throttled
	Failovers int    // times the next call went to another target
	Fallback  bool   // Target is not the route's first: it is cooling down, or failed
}

// Role says who speaks in a turn.
type Role string

// The two roles Converse knows. System text and tool results are not turns of their own.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// Turn is one side's contribution; roles alternate and the first is the user's.
type Turn struct {
	Role   Role
	Blocks []Block
}

// Block is a piece of a turn: exactly one of its fields is set.
type Block struct {
	Text   string
	Image  *Image
	Use    *ToolUse
	Result *ToolResult
}

// Image is a picture in the user's turn.
type Image struct {
	Format string // png, jpeg, gif or webp
	Data   []byte // the file's bytes, not base64
}

// Tool is a function the model may ask for.
type Tool struct {
	Name        string
	Description string
	Schema      []byte // JSON Schema of the input, an object
}

// ToolMode says how free the model is to use tools.
type ToolMode uint8

// The four modes. With ToolNone the tools are still described, for earlier turns may mention them.
const (
	ToolAuto ToolMode = iota
	ToolRequired
	ToolNamed // ToolChoice.Name must be used
	ToolNone
)

// ToolChoice is the mode, and the tool's name with ToolNamed.
type ToolChoice struct {
	Mode ToolMode
	Name string
}

// ToolUse is the model asking for a tool.
type ToolUse struct {
	ID    string
	Name  string
	Input []byte // a JSON object
}

// ToolResult answers a ToolUse.
type ToolResult struct {
	ID    string
	Text  string
	Error bool
}
