package gateway

import (
	"context"
	"io"
	"net/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
)

// Tenants holds callers to what they may take. limit.Tenants does within this process; a store that several processes
// share implements the same. Its error is an *inference.Error, RateLimited for a caller that may take no more now. A
// store that cannot be reached must decide itself whether it lets in; that is no reason to keep a caller waiting.
type Tenants interface {
	// Admit takes the ask off what its tenant may have until the lease is settled or cancelled.
	Admit(ctx context.Context, ask limit.Ask) (limit.Lease, error)
}

// Limits bound what the process takes on. Every field is required.
type Limits struct {
	Gate    *limit.Gate  // of inference requests; nothing else passes it
	Bodies  *limit.Bytes // of all requests together
	Tenants Tenants
}

// read reads the body, which counts until the request ends. Where there is no place to run or to wait it is not read.
func (c *call) read(w http.ResponseWriter, r *http.Request) (body []byte, err error) {
	if err = c.Limits.Gate.Full(); err == nil {
		c.held = c.Limits.Bodies.Hold(r.Body)
		r.Body = struct {
			io.Reader
			io.Closer
		}{c.held, r.Body}
		body, err = readBody(w, r, c.MaxBodyBytes)
	}
	c.record.Shed = err != nil && inference.AsError(err).Code == inference.Overloaded
	return body, err
}

// admit asks for the tenant's share, then waits for the request's turn. A request that is not let in has taken nothing.
func (c *call) admit(ctx context.Context) error {
	request := c.exchange.Request()
	lease, err := c.Limits.Tenants.Admit(ctx, limit.Ask{Tenant: c.record.Tenant, Tokens: request.MaxTokens, Stream: request.Stream})
	if err != nil {
		c.record.Limited = inference.AsError(err).Code == inference.RateLimited
		return err
	}
	if err := c.Limits.Gate.Enter(ctx); err != nil {
		lease.Cancel()
		c.record.Shed = inference.AsError(err).Code == inference.Overloaded
		return err
	}
	c.lease = lease
	return nil
}

// release gives back what the request has taken.
func (c *call) release() {
	if c.held != nil {
		c.held.Release()
	}
	if c.lease != nil {
		c.Limits.Gate.Leave()
		c.lease.Settle(c.charge())
	}
}

// charge is how many tokens the request took. An answer that was cut comes without counts, or without the last of them:
// then all that was reserved is charged, or leaving before the end would be free.
func (c *call) charge() int {
	u := c.record.Usage
	used := u.Input + u.CacheWrite + u.Output
	begun := c.record.FirstToken > 0
	if begun && (c.record.Code != "" || u.Output == 0) {
		return max(used, u.Input+u.CacheWrite+c.exchange.Request().MaxTokens)
	}
	return used
}
