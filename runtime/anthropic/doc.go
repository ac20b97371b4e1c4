// Package anthropic is the wire format of Anthropic's Messages API, as clients speak it and as Bedrock's InvokeModel
// takes it. The two differ in little, so bodies and events are passed through rather than re-encoded: Open reads a body
// once to check it, and copies its members byte for byte.
//
// Checked are the members that a caller can get wrong in a way worth naming; what lies deeper is the model's to judge.
// Top-level members that Bedrock does not take are refused by name, never dropped, and so are unknown ones.
//
// For the Bedrock adapter, [Inspect] and [ReadReply] tell what the gateway must know of the model's events and answers.
//
// It must not know HTTP servers, AWS, or the other surface.
package anthropic
