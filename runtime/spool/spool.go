// Package spool lets a program print without ever waiting for whoever reads what it prints: a log agent that stops
// reading would otherwise stop every request. What is printed meanwhile is held up to a bound; what finds no room is
// lost and counted.
//
// It must not know what is printed, only that each Write is whole lines.
package spool

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
)

// HeldBytes is what a Writer holds at most that was not printed yet, about 5,000 lines. As much again is being printed.
const HeldBytes = 4 << 20

// keepBytes is the largest buffer that is kept for the next lines.
const keepBytes = 256 << 10

// Writer prints in the background. It is safe for concurrent use.
type Writer struct {
	out    io.Writer
	report func(lost int)
	wake   chan struct{} // has a value when there is something to do
	done   chan struct{} // closed when the background work has ended

	mu     sync.Mutex
	held   []byte
	lost   int // lines, since the last report
	closed bool
}

// New returns a Writer onto out and starts its background work, which Close ends. report is called with the number of
// lines that were lost, on the goroutine that prints and when out takes lines again, so that it may print to out itself.
func New(out io.Writer, report func(lost int)) *Writer {
	w := &Writer{out: out, report: report, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Write takes lines, or loses them. It never fails and never waits.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	if len(w.held)+len(p) > HeldBytes {
		w.lost += lines(p)
	} else {
		w.held = append(w.held, p...)
	}
	w.mu.Unlock()
	w.signal()
	return len(p), nil
}

func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // it has been told
	}
}

// run prints what is held, all of it at once, until there is nothing and the Writer is closed.
func (w *Writer) run() {
	defer close(w.done)
	var spare []byte
	for range w.wake {
		batch, lost, closed := w.take(spare)
		for len(batch) > 0 || lost > 0 {
			w.print(batch, lost)
			batch, lost, closed = w.take(batch)
		}
		if closed {
			return
		}
		spare = batch
	}
}

// print prints a batch and reports the lines that were lost before it, and of it.
func (w *Writer) print(batch []byte, lost int) {
	if _, err := w.out.Write(batch); err != nil {
		lost += lines(batch)
	}
	if lost > 0 {
		w.report(lost)
	}
}

// take exchanges what is held for an empty buffer.
func (w *Writer) take(spare []byte) (batch []byte, lost int, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cap(spare) > keepBytes {
		spare = nil
	}
	batch, w.held = w.held, spare[:0]
	lost, w.lost = w.lost, 0
	return batch, lost, w.closed
}

// Close prints what is held, for as long as the context lasts. Its error says that this was not long enough.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Errorf("nobody reads what is printed: more than %d bytes were not", len(w.held))
}

func lines(p []byte) int { return bytes.Count(p, []byte{'\n'}) }
