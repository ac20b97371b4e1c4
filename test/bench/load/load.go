package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Result is what came of asking many times.
type Result struct {
	Took   time.Duration
	Failed int             // answers that were none; at most one in a hundred, or there is an error
	Waits  []time.Duration // of Stream: for the first token, of each stream that had one, the shortest first
}

// Target is whom a stream is opened at.
type Target struct {
	Address string
	Request Request
}

// failures counts, and ends everything once there are too many.
type failures struct {
	cancel context.CancelCauseFunc
	most   int
	mu     sync.Mutex
	n      int
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n > f.most {
		f.cancel(fmt.Errorf("more than %d answers failed, the last one: %w", f.most, err))
	}
}

// Saturate asks count times over so many connections, each asking again as soon as it was answered.
func Saturate(ctx context.Context, address string, request Request, connections, count int) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	failed := failures{cancel: cancel, most: count / 100}
	var left atomic.Int64
	left.Store(int64(count))
	begin := time.Now()
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			var c *client
			defer func() { c.close() }()
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				var err error
				if c == nil {
					c, err = dial(ctx, address)
				}
				if err == nil {
					err = c.ask(request, nil)
				}
				if err != nil {
					failed.add(err)
					c.close()
					c = nil
				}
			}
		})
	}
	workers.Wait()
	return Result{Took: time.Since(begin), Failed: failed.n}, context.Cause(ctx)
}

// Stream opens so many streams at each target, each at a fixed rate, whether or not earlier ones have been answered, and
// tells how long they waited for their first tokens, by target. The targets take turns, so that a slow moment hits them
// alike. The wait begins when a stream was due, not when it was sent: a server that stalls must not be excused the streams
// that came late because of it. Once the last has its first token and then for a further hold, all that still run go on;
// then they are cut off.
func Stream(ctx context.Context, targets []Target, perSecond float64, count int, hold time.Duration) ([]Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	total := count * len(targets)
	failed := make([]failures, len(targets))
	for i := range failed {
		failed[i].cancel, failed[i].most = cancel, count/100
	}
	waits := make([]time.Duration, total)
	var firsts, streams sync.WaitGroup
	firsts.Add(total)
	begin := time.Now()
	for i := range total {
		due := begin.Add(time.Duration(float64(i) / perSecond / float64(len(targets)) * float64(time.Second)))
		time.Sleep(time.Until(due))
		streams.Go(func() {
			var once sync.Once
			first := func() { once.Do(func() { waits[i] = time.Since(due); firsts.Done() }) }
			if err := stream(ctx, targets[i%len(targets)], first); err != nil {
				failed[i%len(targets)].add(err)
			}
			once.Do(firsts.Done)
		})
	}
	firsts.Wait()
	select {
	case <-time.After(hold):
		cancel(errCut)
	case <-ctx.Done():
	}
	streams.Wait()
	if err := context.Cause(ctx); !errors.Is(err, errCut) {
		return nil, err
	}
	results := make([]Result, len(targets))
	for i, wait := range waits {
		if wait > 0 {
			r := &results[i%len(targets)]
			r.Waits = append(r.Waits, wait)
		}
	}
	for i := range results {
		slices.Sort(results[i].Waits)
		results[i].Took, results[i].Failed = time.Since(begin), failed[i].n
	}
	return results, nil
}

// errCut ends streams that have been looked at for long enough.
var errCut = errors.New("cut off")

// stream reads one stream until its end, or until the context ends and cuts it off.
func stream(ctx context.Context, target Target, first func()) error {
	c, err := dial(ctx, target.Address)
	if err != nil {
		return unlessCut(ctx, err)
	}
	defer context.AfterFunc(ctx, c.close)()
	defer c.close()
	return unlessCut(ctx, c.ask(target.Request, first))
}

func unlessCut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
