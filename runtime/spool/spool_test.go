package spool_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/spool"
)

// reader is who reads what is printed, once it is let.
type reader struct {
	let  chan error // for each Write, what it ends with
	text bytes.Buffer
}

// Write implements io.Writer.
func (r *reader) Write(p []byte) (int, error) {
	if err := <-r.let; err != nil {
		return 0, err
	}
	return r.text.Write(p)
}

func TestLinesArePrintedInOrder(t *testing.T) {
	var out bytes.Buffer
	w := spool.New(&out, func(n int) { t.Errorf("%d lines are lost", n) })
	var want strings.Builder
	for i := range 10_000 {
		line := strings.Repeat("x", i%100) + "\n"
		want.WriteString(line)
		_, _ = io.WriteString(w, line)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Errorf("printed are %d bytes that are not the %d written", out.Len(), want.Len())
	}
}

// Whoever prints never waits; what finds no room is counted, and told when there is a reader again.
func TestABlockedReaderCostsLinesAndNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan error)}
		lost := 0
		w := spool.New(r, func(n int) {
			lost += n
			r.text.WriteString("lost\n")
		})
		line := strings.Repeat("x", 1023) + "\n"
		_, _ = io.WriteString(w, line)
		synctest.Wait() // it is being printed
		const fits = spool.HeldBytes / 1024
		for range fits + 7 {
			if n, err := io.WriteString(w, line); n != len(line) || err != nil {
				t.Fatal(n, err)
			}
		}
		if lost != 0 {
			t.Error("told before anyone reads")
		}
		close(r.let)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(r.text.String(), "x\n"); got != 1+fits || lost != 7 {
			t.Errorf("%d lines are printed and %d lost, want %d and 7", got, lost, 1+fits)
		}
		if !strings.Contains(r.text.String(), "lost\n") {
			t.Error("the report cannot print")
		}
	})
}

func TestLinesOfAFailedWriteAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan error, 1)}
		lost := 0
		w := spool.New(r, func(n int) { lost += n })
		r.let <- errors.New("no space left on device")
		_, _ = io.WriteString(w, "one\ntwo\n")
		synctest.Wait()
		close(r.let)
		_, _ = io.WriteString(w, "three\n")
		if err := w.Close(t.Context()); err != nil || lost != 2 || r.text.String() != "three\n" {
			t.Errorf("%v; %d lines are lost, printed is %q", err, lost, &r.text)
		}
	})
}

func TestCloseDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{let: make(chan error)}
		w := spool.New(r, func(int) {})
		_, _ = io.WriteString(w, "one\n")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); err == nil || !strings.Contains(err.Error(), "nobody reads") {
			t.Errorf("got %v", err)
		}
		close(r.let)
		synctest.Wait()
	})
}
