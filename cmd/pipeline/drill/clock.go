package drill

import (
	"context"
	"time"
)

// clock runs as much faster than the wall as the drill does. What the drill itself waits for is told in its time, and so
// are the programs what they wait for; they are real and take real time for their work.
type clock struct {
	speed float64
	began time.Time
}

func newClock(speed float64) clock { return clock{speed, time.Now()} }

// now is the time since the clock began.
func (c clock) now() time.Duration { return c.drill(time.Since(c.began)) }

// drill is what passes on the clock in a real time.
func (c clock) drill(real time.Duration) time.Duration {
	return time.Duration(float64(real) * c.speed)
}

// real is how long something takes that the clock says takes d.
func (c clock) real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.speed) }

// leastPatience is real: what waits for the work of a program must not give up on a machine that is busy.
const leastPatience = 1500 * time.Millisecond

// patience is how long to wait really for a program that may take d.
func (c clock) patience(d time.Duration) time.Duration { return max(c.real(d), leastPatience) }

// leastTold is real: the shortest time that programs let themselves be told.
const leastTold = time.Second

// told is the real time that a program is told to take for what takes d by the drill's clock.
func (c clock) told(d time.Duration) time.Duration { return max(c.real(d), leastTold) }

// pass waits, and reports false when the context ended meanwhile.
func (c clock) pass(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(c.real(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// poll is how often await looks.
const poll = 100 * time.Millisecond

// await waits until something is so, and reports false when it was not within the limit or before the context ended.
func (c clock) await(ctx context.Context, limit time.Duration, so func() bool) bool {
	for end := c.now() + limit; !so(); {
		if c.now() > end || !c.pass(ctx, poll) {
			return false
		}
	}
	return true
}
