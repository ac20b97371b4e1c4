package lambdaruntime

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// lineWriter writes whole lines with a prefix, from several processes at once.
type lineWriter struct {
	mu     sync.Mutex
	out    io.Writer
	prefix string
	rest   []byte
}

// Write never fails: a program does not end because its log cannot be kept.
func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		_, _ = fmt.Fprintf(l.out, "%s%s\n", l.prefix, l.rest[:i])
		l.rest = l.rest[i+1:]
	}
}
