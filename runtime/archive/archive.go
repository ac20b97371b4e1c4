// Package archive keeps a usage record of every request, and of every rating of an answer, as compressed JSON lines in
// objects of a store: one object for each flush, named so that a query engine finds them by date and a reader sees what
// is missing.
//
// A request never waits for the store. What is in memory is bounded; what finds no room, or cannot be stored in the
// time allowed, is lost and counted. It must not know S3 (package bucket does), HTTP or how records come about.
package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

// Store keeps objects.
type Store interface {
	// Put stores an object, all of it or nothing. It tries once, and returns ErrExists where the key is taken.
	Put(ctx context.Context, key string, body []byte) error
}

// ErrExists says that there is an object of that name already.
var ErrExists = errors.New("the object exists")

// Options configure a Writer. Those without a default are required.
type Options struct {
	Store       Store
	Environment string
	Variant     string
	Interval    time.Duration // the longest that records wait for a flush
	// Report takes the counts of what was stored and lost, for each flush; record.Writer.WriteProgram is one.
	Report func(message string, values ...record.Value)
	Log    *slog.Logger

	// What an object holds at most, in bytes before compression; default 4 MiB, about 8,000 records.
	ObjectBytes int
	// What is held in memory at most, in bytes before compression and with what is being stored; default 32 MiB.
	HeldBytes int
	// How long storing an object is tried before its records are given up; default 10 min.
	Patience time.Duration
}

// Writer collects records and stores them in the background. It is safe for concurrent use.
type Writer struct {
	Options
	process string
	wake    chan struct{} // has a value when there is something to do before the next tick
	closing chan struct{} // closed by Close
	cancel  context.CancelFunc
	done    chan struct{} // closed when the background work has ended
	unsaved int           // records lost since Close; to be read after done

	mu      sync.Mutex
	seq     uint64   // of the last record
	open    *batch   // takes records; nil when there are none
	waiting []*batch // the oldest first
	held    int      // bytes of open, waiting and what is being stored
	lost    int      // records, since the last report
	closed  bool
}

// New returns a Writer and starts its background work, which Close ends.
func New(o Options) *Writer {
	if o.ObjectBytes == 0 {
		o.ObjectBytes = 4 << 20
	}
	if o.HeldBytes == 0 {
		o.HeldBytes = 32 << 20
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	w := &Writer{Options: o, process: strings.ToLower(rand.Text()[:16]),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go w.run(ctx)
	o.Log.Info("archiving usage records", "process", w.process, "interval", o.Interval.String())
	return w
}

// Add takes the record of a request that ended. It never waits for the store. The request may be changed afterwards.
func (w *Writer) Add(r *record.Request) {
	w.add(r.End(), func(dst []byte, seq uint64) []byte { return record.AppendUsage(dst, r, w.process, seq) })
}

// AddFeedback takes the record of a rating, as Add does.
func (w *Writer) AddFeedback(f *record.Feedback) {
	w.add(f.Time, func(dst []byte, seq uint64) []byte { return record.AppendFeedback(dst, f, w.process, seq) })
}

func (w *Writer) add(end time.Time, write func(dst []byte, seq uint64) []byte) {
	if closed := w.take(end, write); closed {
		w.report(0) // nothing else would
	}
}

// take keeps or loses a record, and tells whether the Writer is closed.
func (w *Writer) take(end time.Time, write func(dst []byte, seq uint64) []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++ // of lost records too: the gap in the numbers is what a reader sees of them
	if w.closed || w.held >= w.HeldBytes {
		w.lost++
		return w.closed
	}
	hour := end.UTC().Truncate(time.Hour)
	if w.open != nil && !w.open.hour.Equal(hour) {
		w.seal()
	}
	if w.open == nil {
		w.open = &batch{hour: hour, first: w.seq}
	}
	before := len(w.open.lines)
	w.open.lines = write(w.open.lines, w.seq)
	w.open.last = w.seq
	w.open.records++
	w.held += len(w.open.lines) - before
	if len(w.open.lines) >= w.ObjectBytes {
		w.seal()
	}
	return false
}

// seal ends the open batch. The lock must be held.
func (w *Writer) seal() {
	if w.open == nil {
		return
	}
	w.open.sealed = time.Now()
	w.waiting = append(w.waiting, w.open)
	w.open = nil
	select {
	case w.wake <- struct{}{}:
	default: // it has been told
	}
}

// Close stores what is held, for as long as the context lasts. Its error says how many records were lost in that. A
// record that is added now is lost, and counted.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		w.seal()
		close(w.closing)
	}
	w.mu.Unlock()
	stop := context.AfterFunc(ctx, w.cancel)
	<-w.done
	stop()
	w.cancel()
	if w.unsaved > 0 {
		return fmt.Errorf("%d usage records could not be archived before the program ended", w.unsaved)
	}
	return nil
}

// report tells what became of records: so many were written, and the lost ones that were not reported yet.
func (w *Writer) report(written int) {
	w.mu.Lock()
	lost := w.lost
	w.lost = 0
	w.mu.Unlock()
	if written+lost > 0 {
		w.Report("archive", record.Value{Metric: metric.ArchiveWritten, Value: float64(written)},
			record.Value{Metric: metric.ArchiveLost, Value: float64(lost)})
	}
}
