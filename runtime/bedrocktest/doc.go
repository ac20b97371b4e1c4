// Package bedrocktest is the embedded Bedrock: an http.Handler that speaks the wire protocol of bedrock-runtime for
// Converse, ConverseStream, InvokeModel and InvokeModelWithResponseStream, so that the unmodified AWS SDK talks to it.
// Tests serve it over a test listener, the operator's command serves it for local runs.
//
// It answers deterministically and says that it is no real model; it refuses what Bedrock is known to refuse, with
// Bedrock's codes; it fails on demand (Fault) and records every call (Call). It is a stand-in for the protocol, not
// for a model, and not a proof that Bedrock accepts a request: it checks only what is well known.
//
// # Tokens
//
// One token is four bytes of text, rounded up over the whole, for input and output alike. Input is the text of tools
// (name, description, schema), system and messages; an image counts as 1,500 tokens. Streamed or not, the same request
// has the same counts. A cache point writes its prefix to the cache the first time and reads it from then on; neither
// the model's minimum length nor an expiry is imitated.
//
// # Limits
//
// InvokeModel speaks Anthropic's Messages body only. Signatures are looked at, not verified. Guardrails, thinking,
// documents and the other content blocks are accepted and ignored, but for their size.
//
// It knows the model catalog. It must not know the gateway, its adapter or its domain: a mistake shared by both sides of
// the wire would go unseen. It works inside a testing/synctest bubble and leaves no goroutine behind.
package bedrocktest
