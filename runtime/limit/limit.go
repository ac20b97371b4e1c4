// Package limit bounds what one process takes: memory of its container, requests at once, bytes of bodies, and each
// tenant's share of all that. What is over a bound is refused at once and told when to come back, so that what was let
// in is answered as fast as ever.
//
// CPU needs nothing here. Since Go 1.25 GOMAXPROCS is the cgroup's CPU limit, rounded up and at least 2, and follows it
// while the program runs (https://go.dev/doc/go1.25#container-aware-gomaxprocs, read 2026-11-22; in the source of Go
// 1.26.8 runtime/cgroup_linux.go); it needs a go directive of 1.25 or later in go.mod. A function sees as many CPUs as
// its memory buys.
//
// It must not know HTTP, AWS or settings.
package limit

import (
	"math/rand/v2"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// overloaded tells a caller to come back in one to three seconds: not all at once.
func overloaded(message string) *inference.Error {
	return &inference.Error{Code: inference.Overloaded, Message: message, RetryAfter: time.Duration(1+rand.IntN(3)) * time.Second}
}
