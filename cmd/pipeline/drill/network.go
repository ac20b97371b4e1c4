package drill

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// network leads from the addresses that DNS gives to this machine. They are of the ranges for documentation (RFC 5737),
// so nothing here can reach anything else.
type network map[string]*way

// dial connects to an address. While the way there is cut it waits in vain, as where packets are dropped.
func (n network) dial(ctx context.Context, address string) (net.Conn, error) {
	w, ok := n[address]
	if !ok {
		return nil, fmt.Errorf("no way leads to %q", address)
	}
	select {
	case <-w.open():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", w.target)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, way: w, closed: make(chan struct{})}, nil
}

// way is the way to one Region.
type way struct {
	region string
	target string // on this machine

	mu     sync.Mutex
	opened chan struct{} // closed while the way is open
}

func newWay(region, target string) *way {
	w := &way{region: region, target: target, opened: make(chan struct{})}
	close(w.opened)
	return w
}

func (w *way) open() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened
}

// cut drops everything on the way from now on, until mend. It must be open.
func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = make(chan struct{})
}

// mend lets through again what either side still waits for, as TCP does by sending it once more.
func (w *way) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.opened)
}

// conn is a connection over a way.
type conn struct {
	net.Conn
	way    *way
	once   sync.Once
	closed chan struct{}
}

// Read returns nothing, not even the end, while the way is cut.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.passes() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write waits while the way is cut.
func (c *conn) Write(p []byte) (int, error) {
	if !c.passes() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *conn) passes() bool {
	select {
	case <-c.way.open():
		return true
	case <-c.closed:
		return false
	}
}

// Close closes this end; over a way that is cut the other end learns of it too late, which harms nobody here.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
