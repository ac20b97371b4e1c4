package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Saturate asks count times over so many connections, each asking again as soon as it was answered, and returns how long
// that took. The first failure ends it.
func Saturate(ctx context.Context, address string, request Request, connections, count int) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var left atomic.Int64
	left.Store(int64(count))
	begin := time.Now()
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			c, err := dial(ctx, address)
			if err != nil {
				cancel(err)
				return
			}
			defer c.close()
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				if err := c.ask(request, nil); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	workers.Wait()
	return time.Since(begin), context.Cause(ctx)
}

// Stream opens streams at a fixed rate, whether or not earlier ones have been answered, and returns how long each waited
// for its first token. The wait begins when the stream was due, not when it was sent: a server that stalls must not be
// excused the streams that came late because of it. Once the last has its first token and then for a further hold, all
// that still run go on; then they are cut off.
func Stream(ctx context.Context, address string, request Request, perSecond float64, count int, hold time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waits := make([]time.Duration, count)
	var firsts, streams sync.WaitGroup
	firsts.Add(count)
	begin := time.Now()
	for i := range count {
		due := begin.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
		time.Sleep(time.Until(due))
		streams.Go(func() {
			var once sync.Once
			first := func() { once.Do(func() { waits[i] = time.Since(due); firsts.Done() }) }
			if err := stream(ctx, address, request, first); err != nil {
				cancel(fmt.Errorf("stream %d: %w", i, err))
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
	return waits, nil
}

// errCut ends streams that have been looked at for long enough.
var errCut = errors.New("cut off")

// stream reads one stream until its end, or until the context ends and cuts it off.
func stream(ctx context.Context, address string, request Request, first func()) error {
	c, err := dial(ctx, address)
	if err != nil {
		return unlessCut(ctx, err)
	}
	defer context.AfterFunc(ctx, c.close)()
	defer c.close()
	return unlessCut(ctx, c.ask(request, first))
}

func unlessCut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
