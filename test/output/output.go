// Package output collects what a program prints while a test runs it, and waits for what it must print.
//
// It must not know the program: of a line it knows only that it may be JSON with a metric in it.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Patience is how long a program may take to do what it must: far longer than a busy machine needs.
const Patience = 2 * time.Minute

// Log is what a program has printed. Its zero value is ready, and it is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed with the next write, if somebody waits for it
}

// Write appends to the log. It never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return l.text.Write(p)
}

// String is what was printed so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Take returns what was printed and drops it: a long test would be full of it.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// read returns what was printed, and what is closed with the next write.
func (l *Log) read() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.text.String(), l.changed
}

// Until asks, now and after every write, whether what was printed is enough. After Patience it gives up with an error
// that says what is missing and how the log ends.
func (l *Log) Until(missing string, enough func(text string) bool) error {
	limit := time.NewTimer(Patience)
	defer limit.Stop()
	for {
		text, changed := l.read()
		if enough(text) {
			return nil
		}
		select {
		case <-changed:
		case <-limit.C:
			return fmt.Errorf("within %s it did not print %s:\n%s", Patience, missing, Tail(text))
		}
	}
}

// UntilSum waits until a metric adds up to a number.
func (l *Log) UntilSum(metric string, want float64) error {
	return l.Until(fmt.Sprintf("%s that add up to %v", metric, want), func(text string) bool { return Sum(text, metric) == want })
}

// Sum adds up a metric over the lines of a log.
func Sum(text, metric string) (total float64) {
	for line := range strings.Lines(text) {
		if !strings.Contains(line, metric) {
			continue
		}
		var values map[string]any
		if json.Unmarshal([]byte(line), &values) == nil {
			value, _ := values[metric].(float64)
			total += value
		}
	}
	return total
}

// Tail is the end of a long text, which is where the trouble is: its last 4,000 bytes.
func Tail(text string) string { return text[max(0, len(text)-4000):] }
