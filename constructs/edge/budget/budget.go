// Package budget says which timeouts follow from the one stream budget: how long one answer may take, streamed or not.
// They are in the order client > balancer or API > function > gateway > upstream, so that whoever knows most about a
// late answer is the first to give up, and says why.
//
// It is arithmetic: it must not know CDK, for the environment files are held against the same limits.
package budget

import "time"

// The limits of AWS on one answer (AWS documentation, read 2026-11-22).
const (
	MostFunction = 15 * time.Minute   // a Lambda function's timeout, and API Gateway's for a streamed answer
	MostIdle     = 4000 * time.Second // an Application Load Balancer's idle timeout
)

const (
	balancerMargin = 5 * time.Second
	functionMargin = 10 * time.Second
)

// BalancerKeepAlive is how long a client may keep a connection: AWS's minimum, whatever the budget. A client that holds on
// to a connection holds on to a Region too. What it costs is a handshake a minute; the answer under way still ends.
const BalancerKeepAlive = time.Minute

// How a balancer judges a target: so many checks in a row must fail, each after its timeout at the latest.
const (
	TargetInterval = 10 * time.Second
	TargetTimeout  = 5 * time.Second
	TargetFailures = 3
)

// TargetSick is how long that takes at worst.
const TargetSick = TargetFailures * (TargetInterval + TargetTimeout)

// Function is how long the function, and the API's wait for it, may take.
func Function(budget time.Duration) time.Duration { return budget + functionMargin }

// BalancerIdle is how long a balancer waits for a byte of an answer: five seconds more than the gateway lets the whole
// answer take. A server's own idle timeout must be longer than this, or it hangs up while the balancer sends a request,
// which the caller sees as 502.
func BalancerIdle(budget time.Duration) time.Duration { return budget + balancerMargin }
