package inference

// StopReason says why the model ended its answer.
type StopReason string

// The reasons, in Converse's terms.
const (
	StopEndTurn       StopReason = "end_turn"
	StopMaxTokens     StopReason = "max_tokens"
	StopSequence      StopReason = "stop_sequence"
	StopToolUse       StopReason = "tool_use"
	StopFiltered      StopReason = "content_filtered"
	StopGuardrail     StopReason = "guardrail_intervened"
	StopContextWindow StopReason = "model_context_window_exceeded"
)

// Usage counts tokens. The three input counters are disjoint: Input excludes what was read from or written to the
// prompt cache.
type Usage struct {
	Input      int
	CacheRead  int
	CacheWrite int
	Output     int
}

// Prompt returns all input tokens, cached or not.
func (u Usage) Prompt() int { return u.Input + u.CacheRead + u.CacheWrite }

// Reply is a whole answer. Body is set when the request's was, and then Blocks is not.
type Reply struct {
	Body   []byte
	Blocks []Block // Text and Use only
	Stop   StopReason
	Usage  Usage
}

// EventKind tells which fields of an Event count.
type EventKind uint8

// The kinds, in the order a stream shows them. A stream is either EventRaw throughout or the others.
const (
	EventText      EventKind = iota + 1 // Text
	EventToolStart                      // Index, ToolID, ToolName
	EventToolInput                      // Index, Text: a fragment of the input's JSON
	EventStop                           // Stop
	EventUsage                          // Usage: the final counts
	EventRaw                            // Type, Raw; Usage and HasUsage when the chunk carries counts
)

// Event is one step of a streamed answer.
type Event struct {
	Kind     EventKind
	Index    int // which tool call, from 0
	Text     string
	ToolID   string
	ToolName string
	Stop     StopReason
	Usage    Usage
	HasUsage bool
	Type     string // of an EventRaw: the event's own "type", such as "content_block_delta"
	Raw      []byte // of an EventRaw: the event's JSON as the model sent it
}
