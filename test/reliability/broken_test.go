package reliability_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestResetAtEveryByte ends the connection after each byte of an answer.
func TestResetAtEveryByte(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		// A stream is complete with the frame that says so: in Converse's counts follow, in Messages only the transfer's end.
		complete := len(good) - 10
		if stop := bytes.Index(good, []byte("end_turn")); stop > 0 {
			complete = stop
		}
		for cut := range good {
			u.follow(func(conn net.Conn) { _, _ = conn.Write(good[:cut]) })
			a := ask()
			if stream && a.whole && a.text == asked && a.failed == "" && cut > complete {
				continue
			}
			judge(t, fmt.Sprintf("cut after %d of %d bytes", cut, len(good)), u, a)
		}
	})
}

// TestTrickle sends an answer one byte every 10 ms: slow, and all right.
func TestTrickle(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, _ bool) {
		u.follow(func(conn net.Conn) {
			for i := range good {
				time.Sleep(10 * time.Millisecond)
				if _, err := conn.Write(good[i : i+1]); err != nil {
					return
				}
			}
		})
		if a := ask(); !a.whole || a.text != asked || u.calls.Load() != 1 {
			t.Errorf("after %d calls got %+v", u.calls.Load(), a)
		}
	})
}

// TestSilence stops after a part of an answer and says nothing more, without an end.
func TestSilence(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, _ bool) {
		for _, part := range []int{0, 1, 17, len(good) / 3, len(good) / 2} {
			began := time.Now()
			u.follow(func(conn net.Conn) {
				_, _ = conn.Write(good[:part])
				_, _ = conn.Read(make([]byte, 1)) // until the gateway hangs up
			})
			judge(t, fmt.Sprintf("silence after %d bytes", part), u, ask())
			if took := time.Since(began); took != time.Minute {
				t.Errorf("silence after %d bytes took %s, allowed is a minute", part, took)
			}
		}
	})
}

// parts of a recorded answer.
func parts(t *testing.T, good []byte) (head, rest []byte) {
	t.Helper()
	head, rest, ok := bytes.Cut(good, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("no head in %q", good)
	}
	return head, rest
}

// whole sends a body with a head that fits it, and hangs up.
func whole(contentType, more string, body []byte) script {
	return func(conn net.Conn) {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n%s\r\n", contentType, more)
		_, _ = conn.Write(body)
	}
}

const eventStream = "application/vnd.amazon.eventstream"

// frames returns the event stream of a recorded answer without its transfer encoding.
func frames(t *testing.T, good []byte) []byte {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(good)), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEveryBitOfAFrameCounts spoils each byte of the stream: its checksums must tell.
func TestEveryBitOfAFrameCounts(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		if !stream {
			t.Skip("only frames have a checksum")
		}
		text := frames(t, good)
		u.follow(whole(eventStream, "", text))
		if a := ask(); !a.whole || a.text != asked {
			t.Fatalf("unspoilt: %+v", a)
		}
		last := len(text) - int(lastFrame(text))
		for i := range last {
			spoilt := bytes.Clone(text)
			spoilt[i] ^= 1 << (i % 8)
			u.follow(whole(eventStream, "", spoilt))
			a := ask()
			if a.whole && a.text == asked {
				continue // what came before was complete, and the spoilt frame only counts tokens
			}
			judge(t, fmt.Sprintf("byte %d of %d", i, len(text)), u, a)
		}
	})
}

// lastFrame is the length of the last frame.
func lastFrame(text []byte) (length uint32) {
	for len(text) > 0 {
		length = binary.BigEndian.Uint32(text)
		text = text[length:]
	}
	return length
}
