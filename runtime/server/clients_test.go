package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// end stops a server and fails the test if it did not stop well.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.client.CloseIdleConnections()
	r.stop()
	if err := <-r.result; err != nil {
		t.Error(err)
	}
}

// answerOn reads one answer from a connection.
func answerOn(t *testing.T, in *bufio.Reader) (status int, body string) {
	t.Helper()
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// lifetime is how long the server keeps a connection open to which a client sends pieces, each after a pause.
func lifetime(conn net.Conn, pause time.Duration, pieces ...string) time.Duration {
	began := time.Now()
	closed := make(chan time.Duration, 1)
	go func() {
		_, _ = io.Copy(io.Discard, conn)
		closed <- time.Since(began)
	}()
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			break
		}
		time.Sleep(pause) // of the bubble
	}
	return <-closed
}

// echo answers with what it was sent, or with why it could not be read.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/unread" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, errors.Is(err, os.ErrDeadlineExceeded))
		return
	}
	_, _ = w.Write(text)
}

func TestSlowClientsAreCut(t *testing.T) {
	drip := strings.Split(strings.Repeat("x", 10_000), "")
	const post = "POST / HTTP/1.1\r\nHost: server\r\nContent-Length: 100000000\r\n\r\n"
	tests := []struct {
		name   string
		pause  time.Duration
		pieces []string
		want   time.Duration
	}{
		{"says nothing", 0, nil, 10 * time.Second},
		{"headers drip", time.Second, append([]string{"GET / HTTP/1.1\r\nX: "}, drip...), 10 * time.Second},
		{"no body comes", 0, []string{post}, 30 * time.Second},
		{"no body comes, and nobody wants it", 0, []string{"POST /unread HTTP/1.1\r\nHost: server\r\nContent-Length: 100\r\n\r\n"}, 30 * time.Second},
		{"body drips", time.Second, append([]string{post}, drip...), 30 * time.Second},
		{"body comes at half the pace", time.Second, append([]string{post}, strings.Split(strings.Repeat(strings.Repeat("x", 16<<10)+"|", 200), "|")...), 60 * time.Second},
		{"idle after an answer", 0, []string{"GET / HTTP/1.1\r\nHost: server\r\n\r\n"}, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, http.HandlerFunc(echo))
				conn := r.dial()
				defer conn.Close()
				// A second or so is net/http's own, to let the last answer arrive, or that of the last piece.
				if got := lifetime(conn, tt.pause, tt.pieces...); got < tt.want-2*time.Second || got > tt.want+2*time.Second {
					t.Errorf("cut after %s, want %s", got, tt.want)
				}
				r.end(t)
			})
		})
	}
}

// A body that is slow but comes is read, and the time it was given is not that of the answer, nor of the next request.
func TestSlowBodyThatComesIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := false
		r := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF { // as some handlers do to be sure
				t.Error(n, err)
			}
			select {
			case <-time.After(10 * time.Minute):
			case <-r.Context().Done():
				left = true
			}
			_, _ = fmt.Fprint(w, len(text))
		}))
		conn := r.dial()
		defer conn.Close()
		in := bufio.NewReader(conn)
		for range 2 {
			const pieces = 50
			piece := strings.Repeat("x", 40<<10)
			_, _ = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: server\r\nContent-Length: %d\r\n\r\n", pieces*len(piece))
			for range pieces {
				time.Sleep(time.Second)
				_, _ = io.WriteString(conn, piece)
			}
			if status, text := answerOn(t, in); status != 200 || text != fmt.Sprint(pieces*len(piece)) || left {
				t.Errorf("got %d %s; the server saw the client leave: %t", status, text, left)
			}
		}
		conn.Close()
		r.end(t)
	})
}

// A client that asks and takes nothing holds its request for half a minute, not for as long as it likes.
func TestClientsThatTakeNothingAreCut(t *testing.T) {
	for _, size := range []int{1 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan time.Duration, 1)
				r := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					began := time.Now()
					for {
						_, err := w.Write(make([]byte, size))
						if err == nil {
							err = http.NewResponseController(w).Flush()
						}
						if err != nil {
							ended <- time.Since(began)
							return
						}
					}
				}))
				conn := r.dial()
				defer conn.Close()
				_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: server\r\n\r\n")
				if got := <-ended; got != 30*time.Second {
					t.Errorf("ended after %s", got)
				}
				r.end(t)
			})
		})
	}
}

// A client that takes slowly, but takes, gets all of a long answer.
func TestSlowReadersGetEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 1 << 20
		r := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, size)) }))
		response, err := r.client.Get("http://server/")
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for piece := make([]byte, 4<<10); ; {
			n, err := response.Body.Read(piece)
			got += n
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v after %d bytes", err, got)
			}
			time.Sleep(time.Second)
		}
		if got != size {
			t.Errorf("got %d bytes", got)
		}
		r.end(t)
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, http.HandlerFunc(echo))
		first, second, third := r.dial(), r.dial(), r.dial()
		defer second.Close()
		defer third.Close()
		refused := r.dial()
		began := time.Now()
		if _, err := refused.Read(make([]byte, 1)); err == nil || time.Since(began) != 0 {
			t.Errorf("one too many: %v after %s", err, time.Since(began))
		}
		first.Close()
		synctest.Wait()
		if response, err := r.client.Get("http://server/"); err != nil {
			t.Errorf("when one has left: %v", err)
		} else {
			response.Body.Close()
		}
		second.Close()
		third.Close()
		r.end(t)
	})
}

// HTTP/2 is not spoken, so its ways to exhaust a server, such as rapid resets, do not exist here.
func TestOnlyHTTP1IsSpoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, http.HandlerFunc(echo))
		conn := r.dial()
		defer conn.Close()
		go func() { _, _ = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") }()
		in := bufio.NewReader(conn)
		if status, _ := answerOn(t, in); status != http.StatusHTTPVersionNotSupported {
			t.Errorf("the preface of HTTP/2 is answered %d", status)
		}
		upgrade := r.dial()
		defer upgrade.Close()
		_, _ = io.WriteString(upgrade, "GET / HTTP/1.1\r\nHost: server\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
		if status, _ := answerOn(t, bufio.NewReader(upgrade)); status == http.StatusSwitchingProtocols {
			t.Error("the upgrade to HTTP/2 is taken")
		}
		conn.Close()
		upgrade.Close()
		r.end(t)
	})
}
