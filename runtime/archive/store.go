package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// How one object is tried. The time for one try is ample for 4 MiB of compressed text.
const (
	tryTimeout = 15 * time.Second
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
)

// batch is what becomes one object.
type batch struct {
	hour        time.Time // in which all its records' requests ended
	first, last uint64    // the records' numbers
	records     int
	lines       []byte
	sealed      time.Time
}

// key names a batch's object. The hour is that of every record in it, so that a query by date and hour misses none.
// Numbers have equal width, to be listed in order.
func (w *Writer) key(b *batch) string {
	return fmt.Sprintf("%senvironment=%s/variant=%s/date=%s/hour=%s/%s-%012d-%012d.jsonl.gz", settings.ArchivePrefix,
		w.Environment, w.Variant, b.hour.Format(time.DateOnly), b.hour.Format("15"), w.process, b.first, b.last)
}

// run is the background work: it stores batches, one after another, until the Writer is closed and all are dealt with.
func (w *Writer) run(ctx context.Context) {
	defer close(w.done)
	ticker := time.NewTicker(w.Interval)
	defer ticker.Stop()
	for closed := false; !closed; {
		select {
		case <-ticker.C:
			w.mu.Lock()
			w.seal()
			w.mu.Unlock()
		case <-w.wake:
		case <-w.closing:
			closed = true
		}
		for b := w.next(); b != nil; b = w.next() {
			w.settle(ctx, b)
		}
	}
}

func (w *Writer) next() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return nil
	}
	b := w.waiting[0]
	w.waiting = w.waiting[1:]
	return b
}

// settle stores a batch or gives it up, and frees its memory.
func (w *Writer) settle(ctx context.Context, b *batch) {
	err := w.store(ctx, b)
	written := b.records
	w.mu.Lock()
	w.held -= len(b.lines)
	if err != nil {
		written = 0
		w.lost += b.records
		if w.closed {
			w.unsaved += b.records
		}
	}
	w.mu.Unlock()
	if err != nil {
		w.Log.Error("usage records are lost", "key", w.key(b), "records", b.records, "cause", err.Error())
	}
	w.report(written)
}

// store tries until the object is stored, the Writer's patience ends, or the context does.
func (w *Writer) store(ctx context.Context, b *batch) error {
	key, body := w.key(b), compress(b.lines)
	closing := w.closing
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := w.try(ctx, key, body)
		if err == nil || errors.Is(err, ErrExists) {
			return nil // a name is used once: what exists is from a try whose answer did not arrive
		}
		w.report(0) // what found no room meanwhile
		if ctx.Err() != nil || time.Since(b.sealed)+pause > w.Patience {
			return err
		}
		w.Log.Warn("usage records are not stored yet", "key", key, "records", b.records, "cause", err.Error())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		case <-closing: // there is little time left
			closing, pause = nil, firstPause/2
		}
	}
}

func (w *Writer) try(ctx context.Context, key string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return w.Store.Put(ctx, key, body)
}

func compress(lines []byte) []byte {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = z.Write(lines) // a buffer takes everything
	_ = z.Close()
	return body.Bytes()
}
