// Package identity carries what the platform in front of a program has established about a request's caller, from
// where the platform's event is read to where callers are judged. It travels in the request's context, for a header
// could be sent by anyone.
//
// It must not know HTTP, Lambda, or who asks.
package identity

import "context"

// Identity is a caller as the platform has authenticated it. The zero value is nobody.
type Identity struct {
	ARN    string // of the IAM principal whose signature API Gateway has checked; empty when it checked none
	Direct bool   // the function was invoked without an API; Lambda has checked lambda:InvokeFunction
}

type key struct{}

// With returns a context that carries the identity. Only code that reads the platform's own events may call it.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// From returns the identity of a request's context, and nobody when it carries none.
func From(ctx context.Context) Identity {
	i, _ := ctx.Value(key{}).(Identity)
	return i
}
