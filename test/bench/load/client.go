// Package load asks HTTP servers over connections of its own and times what comes back. It writes bytes that were made
// once and reads no more of an answer than it must, so that on a shared machine it takes little from what it measures.
//
// It must not know what is behind an address.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Request is what is asked, and how its answer is known.
type Request struct {
	wire  []byte
	first []byte // what only the first token holds
	last  []byte // what only a whole answer holds
}

// NewRequest makes a POST. headers are whole lines without their ends. An answer counts once it holds last; a stream's
// first token is there once first is.
func NewRequest(path, body string, headers []string, first, last string) Request {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, len(body))
	for _, header := range headers {
		b.WriteString(header + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return Request{wire: []byte(b.String()), first: []byte(first), last: []byte(last)}
}

// client is one connection. It is used by one goroutine.
type client struct {
	conn  net.Conn
	in    *bufio.Reader
	body  []byte
	tokat time.Time // when the first token of the last answer was there
	want  Request
}

func dial(ctx context.Context, address string) (*client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

// close is safe on no connection.
func (c *client) close() {
	if c != nil {
		_ = c.conn.Close() // it may be broken already
	}
}

// ask sends a request and reads the whole answer. onFirst, if there is one, is called at the first token.
func (c *client) ask(request Request, onFirst func()) error {
	c.want, c.body, c.tokat = request, c.body[:0], time.Time{}
	if _, err := c.conn.Write(request.wire); err != nil {
		return err
	}
	length, err := c.head()
	if err != nil {
		return err
	}
	if length >= 0 {
		err = c.take(length, onFirst)
	} else {
		err = c.chunks(onFirst)
	}
	if err != nil {
		return err
	}
	if !bytes.Contains(c.body[max(0, len(c.body)-1<<10):], request.last) {
		return fmt.Errorf("the answer does not hold %q: %.300q", request.last, c.body)
	}
	return nil
}

// head reads the status and the headers and returns the body's length, -1 when it comes in chunks.
func (c *client) head() (length int, err error) {
	status, err := c.line()
	if err != nil {
		return 0, err
	}
	good := bytes.HasPrefix(status, []byte("HTTP/1.1 200 "))
	said := string(status)
	length = -1
	for {
		line, err := c.line()
		if err != nil {
			return 0, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	if !good {
		text, _ := c.in.Peek(min(max(length, 0), 500)) // what is there of it
		return 0, fmt.Errorf("answered %s: %s", said, text)
	}
	return length, nil
}

// chunks reads a body of the transfer encoding "chunked".
func (c *client) chunks(onFirst func()) error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return err
		}
		if err := c.take(int(size), onFirst); err != nil {
			return err
		}
		if line, err = c.line(); err != nil || len(line) > 0 {
			return errors.Join(err, fmt.Errorf("a chunk is followed by %q", line))
		}
		if size == 0 {
			return nil
		}
	}
}

// take reads so many bytes of the body.
func (c *client) take(n int, onFirst func()) error {
	for n > 0 {
		if _, err := c.in.Peek(1); err != nil {
			return err
		}
		piece, _ := c.in.Peek(min(n, c.in.Buffered())) // they are there
		c.body = append(c.body, piece...)
		n -= len(piece)
		_, _ = c.in.Discard(len(piece))
		if onFirst != nil && c.tokat.IsZero() && bytes.Contains(c.body, c.want.first) {
			c.tokat = time.Now()
			onFirst()
		}
	}
	return nil
}

func (c *client) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}
