package server

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// A client that takes nothing is cut: so much must have left for the kernel's buffer in so long.
const (
	writeTimeout = 30 * time.Second
	writePiece   = 64 << 10
)

// listener accepts connections that are cut when their client takes nothing, and no more at once than it may.
type listener struct {
	net.Listener
	log *slog.Logger

	mu      sync.Mutex
	most    int
	open    int
	refused int // since the last one was accepted
}

// Accept returns the next connection. One too many is closed at once: kept waiting, it would take what it waits for
// from the health checks as well.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.take() {
			return &conn{Conn: c, left: sync.OnceFunc(l.leave)}, nil
		}
		_ = c.Close() // nothing was sent that could be lost
	}
}

func (l *listener) take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open < l.most {
		l.open++
		if l.refused > 0 {
			l.log.Warn("connections were refused", "connections", l.refused, "allowed", l.most)
		}
		l.refused = 0
		return true
	}
	if l.refused++; l.refused == 1 {
		l.log.Warn("no more connections are accepted", "allowed", l.most)
	}
	return false
}

func (l *listener) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

// conn is a connection with a deadline for each piece that is written.
type conn struct {
	net.Conn
	left func()
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (n int, err error) {
	for first := true; first || len(p) > 0; first = false {
		piece := p[:min(len(p), writePiece)]
		if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(piece)
		n += m
		if err != nil {
			return n, err
		}
		p = p[len(piece):]
	}
	return n, nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.left()
	return c.Conn.Close()
}
