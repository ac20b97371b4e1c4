package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/test/bench/load"
)

// effort is how much is asked in a round.
type effort struct {
	rounds   int // that count
	starts   int // of each server in a round
	requests int // for whole answers
	streams  int
	first    int // streams at 20 a second, for the time to the first token
	slow     int // streams at once, for the memory
	pace     time.Duration
	lambda   int // rounds of the Lambda programs
}

var (
	full  = effort{rounds: 5, starts: 10, requests: 20000, streams: 1500, first: 400, slow: 1000, pace: 100 * time.Millisecond, lambda: 40}
	quick = effort{rounds: 1, starts: 1, requests: 40, streams: 10, first: 5, slow: 20, pace: 5 * time.Millisecond, lambda: 1}
)

// How many ask at once.
const (
	jsonConnections   = 64
	streamConnections = 32
	firstPerSecond    = 20
	slowPerSecond     = 250
)

// The rows that are measured, each of a surface where its text says so.
const (
	rowReady      = "start to ready, server, ms"
	rowIdle       = "RSS idle, MiB"
	rowJSONCPU    = "CPU s per 1,000 JSON requests, "
	rowJSONRate   = "JSON requests/s at saturation, "
	rowStreamCPU  = "CPU s per 1,000 streams of 100 chunks, "
	rowStreamRate = "streams/s at saturation, "
	rowSlow       = "RSS with 1,000 slow streams, MiB"
	rowFirst50    = "added time to first token, p50, ms, "
	rowFirst99    = "added time to first token, p99, ms, "
)

// upstreams are the embedded Bedrocks: one that streams as fast as it can, one at a model's pace.
type upstreams struct{ fast, paced *process }

func startUpstreams(ctx context.Context, work, file, secret string, pace time.Duration) (up upstreams, err error) {
	begin := func(name string, pace time.Duration) (*process, error) {
		args := []string{"-listen", addressHere, "-pace", pace.String(), "-reply", answerText,
			"-chunk", fmt.Sprint(chunkBytes), "-secret", secret}
		return start(ctx, filepath.Join(work, name), file, args, func(string) []string { return nil })
	}
	if up.fast, err = begin("fast.log", 0); err != nil {
		return up, err
	}
	if up.paced, err = begin("paced.log", pace); err != nil {
		up.fast.stop()
	}
	return up, err
}

func (up upstreams) stop() {
	up.fast.stop()
	up.paced.stop()
}

// bench is one run of the comparison.
type bench struct {
	effort
	work string
	up   upstreams
	list []*contender
	// waits for first tokens without anything in between, by surface, of all rounds
	waits map[string][]time.Duration
	note  func(string) // told what is going on
}

// measureServers runs the contenders in turns, so that a slow moment of the machine hits them alike.
func (b *bench) measureServers(ctx context.Context) error {
	for round := range b.rounds {
		for i := range b.list {
			c := b.list[(round+i)%len(b.list)] // each is first as often
			b.note(fmt.Sprintf("round %d of %d: %s", round+1, b.rounds, c.name))
			if err := b.fast(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if err := b.slowStreams(ctx, c); err != nil {
				return fmt.Errorf("%s, slow streams: %w", c.name, err)
			}
		}
		b.note(fmt.Sprintf("round %d of %d: first tokens", round+1, b.rounds))
		if err := b.firstTokens(ctx); err != nil {
			return fmt.Errorf("first tokens: %w", err)
		}
	}
	return nil
}

func (c *contender) add(row string, value float64) { c.rows[row] = append(c.rows[row], value) }

// fast measures whole answers and streams as fast as they come.
func (b *bench) fast(ctx context.Context, c *contender) error {
	for range b.starts {
		p, err := c.start(ctx, b.work, b.up.fast.address)
		if err != nil {
			return err
		}
		p.stop()
		c.add(rowReady, milliseconds(p.ready))
	}
	p, err := c.start(ctx, b.work, b.up.fast.address)
	if err != nil {
		return err
	}
	defer p.stop()
	idle, err := rss(p.command.Process.Pid)
	if err != nil {
		return err
	}
	c.add(rowIdle, idle)
	for _, surface := range surfaces {
		for _, stream := range []bool{false, true} {
			if err := b.saturate(ctx, c, p, surface, stream); err != nil {
				return fmt.Errorf("%s, stream %t: %w; it said:\n%s", surface, stream, err, &p.said)
			}
		}
	}
	return nil
}

func (b *bench) saturate(ctx context.Context, c *contender, p *process, surface string, stream bool) error {
	count, connections, cpuRow, rateRow := b.requests, jsonConnections, rowJSONCPU, rowJSONRate
	if stream {
		count, connections, cpuRow, rateRow = b.streams, streamConnections, rowStreamCPU, rowStreamRate
	}
	request, err := c.request(surface, stream)
	if err != nil {
		return err
	}
	// The first requests open connections and grow the heap, and are not counted. Nor are their failures: what goes
	// wrong for good goes wrong again.
	_, _ = load.Saturate(ctx, p.address, request, connections, max(count/10, connections))
	before, err := cpu(p.command.Process.Pid)
	if err != nil {
		return err
	}
	result, err := load.Saturate(ctx, p.address, request, connections, count)
	if err != nil {
		return err
	}
	after, err := cpu(p.command.Process.Pid)
	if err != nil {
		return err
	}
	c.add(cpuRow+surface, (after-before).Seconds()*1000/float64(count))
	c.add(rateRow+surface, float64(count)/result.Took.Seconds())
	c.failed += result.Failed
	c.asked += count
	return nil
}

// firstTokens measures the waits for first tokens. They are short beside what else a machine does, so all contenders run
// at once and are asked in turns, and Bedrock itself as one of them.
func (b *bench) firstTokens(ctx context.Context) error {
	processes := make([]*process, len(b.list))
	for i, c := range b.list {
		var err error
		if processes[i], err = c.start(ctx, b.work, b.up.paced.address); err != nil {
			return err
		}
		defer processes[i].stop()
	}
	for _, surface := range surfaces {
		direct, err := directRequest(surface, true, []string{proxySignature})
		if err != nil {
			return err
		}
		targets := []load.Target{{Address: b.up.paced.address, Request: direct}}
		for i, c := range b.list {
			if err := warm(ctx, c, processes[i], surface); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			request, err := c.request(surface, true)
			if err != nil {
				return err
			}
			targets = append(targets, load.Target{Address: processes[i].address, Request: request})
		}
		results, err := load.Stream(ctx, targets, firstPerSecond, b.first, 0)
		if err != nil {
			return err
		}
		for i, c := range b.list {
			c.failed += results[i+1].Failed
			c.asked += b.first
			c.add(rowFirst50+surface, milliseconds(quantile(results[i+1].Waits, 0.5)-quantile(results[0].Waits, 0.5)))
			// A round has too few of the slow ones: those of all rounds so far are looked at together.
			c.waits[surface] = merged(c.waits[surface], results[i+1].Waits)
		}
		b.waits[surface] = merged(b.waits[surface], results[0].Waits)
		for _, c := range b.list {
			c.rows[rowFirst99+surface] = []float64{milliseconds(quantile(c.waits[surface], 0.99) - quantile(b.waits[surface], 0.99))}
		}
	}
	return nil
}

func merged(a, b []time.Duration) []time.Duration {
	return slices.Sorted(slices.Values(append(a, b...)))
}

// warm asks a few times, so that no stream waits for a connection or for the API keys: the first answer of a process is
// measured elsewhere.
func warm(ctx context.Context, c *contender, p *process, surface string) error {
	request, err := c.request(surface, false)
	if err != nil {
		return err
	}
	_, _ = load.Saturate(ctx, p.address, request, 8, 64) // what goes wrong for good goes wrong again
	return ctx.Err()
}

// slowStreams measures the memory of a process that has done nothing else.
func (b *bench) slowStreams(ctx context.Context, c *contender) error {
	p, err := c.start(ctx, b.work, b.up.paced.address)
	if err != nil {
		return err
	}
	defer p.stop()
	request, err := c.request("Chat Completions", true)
	if err != nil {
		return err
	}
	results, err := load.Stream(ctx, []load.Target{{Address: p.address, Request: request}}, slowPerSecond, b.slow, 2*time.Second)
	if err != nil {
		return fmt.Errorf("%w; it said:\n%s", err, &p.said)
	}
	c.failed += results[0].Failed
	c.asked += b.slow
	most, err := peakRSS(p.command.Process.Pid)
	c.add(rowSlow, most)
	return err
}

// quantile returns the value below which the part q of sorted values lies.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// ofSurface tells whether a row is measured once for each surface.
func ofSurface(row string) bool { return strings.HasSuffix(row, ", ") }
