// Package progress tells a person what a command is doing and how long each step took, one line a step.
//
// It must not know what the steps do.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// beat is how often a slow step shows that it is alive.
const beat = 5 * time.Second

// Reporter writes the lines.
type Reporter struct {
	mu  sync.Mutex
	out io.Writer
}

// New returns a reporter that writes to out.
func New(out io.Writer) *Reporter { return &Reporter{out: out} }

// Step names a step, does it, and says what it took or that it failed. The error is the step's.
func (r *Reporter) Step(name string, do func() error) error {
	begin := time.Now()
	r.print("%s …", name)
	ended := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() { r.beat(ended) })
	err := do()
	close(ended)
	beating.Wait()
	took := float64(time.Since(begin)) / float64(time.Second)
	if err != nil {
		r.print(" failed after %.1f s\n", took)
		return err
	}
	r.print(" %.1f s\n", took)
	return nil
}

func (r *Reporter) beat(ended <-chan struct{}) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ticker.C:
			r.print(".")
		}
	}
}

// print ignores errors: a command does not fail because nobody reads its progress.
func (r *Reporter) print(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.out, format, args...)
}
