// Package inference is the domain: what a caller asks of a model, what comes back, and how it can fail.
//
// It uses the standard library only. It must not know HTTP, JSON surfaces, AWS, or any adapter; those packages import
// this one.
package inference
