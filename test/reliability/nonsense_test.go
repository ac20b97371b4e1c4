package reliability_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// prelude begins a frame, with the right checksum.
func prelude(length, headers uint32) []byte {
	text := binary.BigEndian.AppendUint32(nil, length)
	text = binary.BigEndian.AppendUint32(text, headers)
	return binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE(text))
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// bomb is a gigabyte of zeros in a megabyte.
var bomb = sync.OnceValue(func() []byte {
	var text bytes.Buffer
	z, _ := gzip.NewWriterLevel(&text, gzip.BestSpeed)
	_, _ = io.CopyN(z, zeros{}, 1<<30)
	_ = z.Close()
	return text.Bytes()
})

// TestAnswersThatAreNone sends what no model would: each gives an error of a type, at once, and takes little memory.
func TestAnswersThatAreNone(t *testing.T) {
	bomb() // not counted below
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		head, rest := parts(t, good)
		cases := map[string]script{
			"not HTTP": func(conn net.Conn) { _, _ = io.WriteString(conn, "220 smtp.example.com ready\r\n") },
			"endless headers": func(conn net.Conn) {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
				_, _ = io.CopyN(conn, zeros{}, 64<<20)
			},
			"gzip bomb":                     whole("application/json", fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", len(bomb())), bomb()),
			"gzip stream bomb":              whole(eventStream, fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", len(bomb())), bomb()),
			"huge frame":                    whole(eventStream, "", append(prelude(0x7fffffff, 16), make([]byte, 1<<20)...)),
			"tiny frame":                    whole(eventStream, "", prelude(3, 0)),
			"headers larger than the frame": whole(eventStream, "", append(prelude(100, 0xffffff00), make([]byte, 200)...)),
			"an empty body":                 whole("application/json", "Content-Length: 0\r\n", nil),
			"a login page":                  whole("text/html", "", []byte("<html>Sign in to the Wi-Fi")),
			"a redirect": func(conn net.Conn) {
				_, _ = io.WriteString(conn, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://elsewhere/steal\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			},
			"a longer length": func(conn net.Conn) {
				_, _ = fmt.Fprintf(conn, "%s\r\nContent-Length: %d\r\n\r\n%s", plain(head), len(rest)+100, frames(t, good)[:len(frames(t, good))/2])
			},
			"two lengths": func(conn net.Conn) {
				_, _ = fmt.Fprintf(conn, "%s\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", plain(head))
			},
			"a bad chunk": func(conn net.Conn) {
				_, _ = fmt.Fprintf(conn, "%s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", plain(head))
			},
		}
		for name, play := range cases {
			u.follow(play)
			before := allocated()
			began := time.Now()
			a := ask()
			if took := allocated() - before; took > 96<<20 {
				t.Errorf("%s: took %d MB of memory", name, took>>20)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: took %s", name, took)
			}
			judge(t, name, u, a)
		}
	})
}

// plain is a head without what says how long the body is.
func plain(head []byte) string {
	var kept []string
	for _, line := range strings.Split(string(head), "\r\n") {
		if lower := strings.ToLower(line); !strings.HasPrefix(lower, "content-length") && !strings.HasPrefix(lower, "transfer-encoding") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n")
}

// allocated is how much was allocated so far, freed or not.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestEndlessAnswer sends an answer without an end: what is kept of it is bounded.
func TestEndlessAnswer(t *testing.T) {
	each(t, func(t *testing.T, u *upstream, ask func() answer, good []byte, stream bool) {
		if stream {
			t.Skip("a stream may go on until its time is over; its frames are bounded")
		}
		head, _ := parts(t, good)
		const most = 1 << 30
		var sent atomic.Int64
		u.follow(func(conn net.Conn) {
			_, _ = fmt.Fprintf(conn, "%s\r\nConnection: close\r\n\r\n{\"output\":\"", plain(head))
			piece := bytes.Repeat([]byte{'x'}, 1<<20)
			for range most >> 20 {
				n, err := conn.Write(piece)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		judge(t, "an endless answer", u, ask())
		if got := sent.Load(); got > 3*40<<20 {
			t.Errorf("%d MB were taken of it", got>>20)
		}
	})
}

// TestNoTLSToStrangers calls an endpoint whose certificate nobody vouches for, and one that speaks no TLS at all.
func TestNoTLSToStrangers(t *testing.T) {
	reached := false
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	stranger.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	stranger.StartTLS()
	defer stranger.Close()
	open := httptest.NewServer(stranger.Config.Handler)
	defer open.Close()
	for _, client := range clients {
		for _, url := range []string{stranger.URL, strings.Replace(open.URL, "http:", "https:", 1)} {
			handler := inProcess(t, client, aws.Config{BaseEndpoint: aws.String(url)})
			for _, s := range surfaces {
				for _, stream := range []bool{false, true} {
					if a := put(t, handler, s, stream); a.status != http.StatusBadGateway || a.failed == "" || strings.Contains(a.raw, "x509") {
						t.Errorf("%s: got %d %s", client, a.status, a.raw)
					}
				}
			}
		}
	}
	if reached {
		t.Error("a request was sent to a stranger")
	}
}
