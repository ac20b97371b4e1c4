package reliability_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// dial connects to the server.
func dial(t *testing.T, p *process) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// wire is a question as it is sent.
func wire(s surface, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.path, len(body), body)
}

// answers reads so many answers from a connection.
func answers(t *testing.T, in *bufio.Reader, count int) (texts []string) {
	t.Helper()
	for range count {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, fmt.Sprint(response.StatusCode, " ", string(text)))
	}
	return texts
}

func TestOddClients(t *testing.T) {
	kernel(t)
	p := start(t, told(), echo())
	files := p.files(t)
	t.Run("pipelining", func(t *testing.T) {
		conn := dial(t, p)
		var all strings.Builder
		for i := range 6 {
			all.WriteString(wire(surfaces[i%2], body(fmt.Sprintf("pipelined %d.", i), i%4 < 2)))
		}
		_, _ = io.WriteString(conn, all.String())
		for i, text := range answers(t, bufio.NewReader(conn), 6) {
			if !strings.HasPrefix(text, "200 ") || !strings.Contains(text, fmt.Sprintf(" %d.", i)) {
				t.Errorf("answer %d is %s", i, text)
			}
		}
	})
	t.Run("header bomb", func(t *testing.T) {
		for _, bomb := range []string{"X: " + strings.Repeat("x", 200<<10) + "\r\n", strings.Repeat("X: x\r\n", 40_000)} {
			conn := dial(t, p)
			go func() { _, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: gateway\r\n"+bomb+"\r\n") }()
			// The answer is lost where the rest of the bomb meets a closed connection.
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil && response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("got %d", response.StatusCode)
			}
		}
	})
	t.Run("nonsense", func(t *testing.T) {
		for _, text := range []string{
			"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET\r\n\r\n",
			"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n012345",
			"POST /v1/messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
		} {
			conn := dial(t, p)
			_, _ = io.WriteString(conn, text+"\r\n\r\n")
			_ = conn.CloseWrite()
			all, _ := io.ReadAll(conn) // ends, which is the point; a reset is an end as well
			if strings.Contains(string(all), " 200 ") || strings.Contains(string(all), " 500 ") || strings.Contains(string(all), "101 Switching") {
				t.Errorf("%q got %.200s", text, all)
			}
		}
	})
	t.Run("half-closed", func(t *testing.T) {
		for _, s := range surfaces {
			conn := dial(t, p)
			_, _ = io.WriteString(conn, wire(s, body("half", true)))
			_ = conn.CloseWrite()
			// To net/http a client that sends no more has left; what matters is that nothing stays behind.
			_, _ = io.ReadAll(conn)
		}
	})
	t.Run("gone in the middle of a request", func(t *testing.T) {
		text := wire(surfaces[0], body("gone", true))
		for cut := range len(text) {
			conn := dial(t, p)
			_, _ = io.WriteString(conn, text[:cut])
			_ = conn.SetLinger(0) // a reset
			_ = conn.Close()
		}
	})
	client := &http.Client{Transport: &http.Transport{}}
	if a, err := ask(t.Context(), client, p.url, surfaces[0], body("afterwards", true)); err != nil || a.text != "afterwards" {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
	client.CloseIdleConnections()
	// One connection to the model may be kept.
	eventually(t, "all connections of clients are closed", func() bool { return p.files(t) <= files+3 })
	text := p.log.String()
	last := p.errors.String()
	if text += last; strings.Contains(text, `"msg":"panic"`) || strings.Contains(text, "panic serving") {
		t.Errorf("something panicked:\n%s", output.Tail(text))
	}
}

// idleConnections is how many connections do nothing, if the machine lets one process have so many.
const idleConnections = 10_000

// idle opens a connection and uses it once: it is then kept for as long as a balancer may want. A server cuts one that
// says nothing at first, which a machine that stands still makes of any; so there is a second try.
func idle(p *process) (conn net.Conn, err error) {
	for range 2 {
		if conn, err = net.Dial("tcp", strings.TrimPrefix(p.url, "http://")); err != nil {
			return nil, err
		}
		_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n")
		_ = conn.SetReadDeadline(time.Now().Add(output.Patience))
		if _, err = http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			return conn, nil
		}
		_ = conn.Close()
	}
	return nil, err
}

func TestIdleConnections(t *testing.T) {
	kernel(t)
	count := min(idleConnections, mayOpen(t)-1000)
	if count < 1000 { // the memory of each would be lost in what else changes
		t.Skipf("a process may open %d files here; 2000 are needed", mayOpen(t))
	}
	p := start(t, told(), echo())
	before := p.memory(t)
	var all sync.WaitGroup
	connections := make([]net.Conn, count)
	for worker := range 16 {
		all.Go(func() {
			for i := worker; i < count; i += 16 {
				var err error
				if connections[i], err = idle(p); err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	t.Cleanup(func() {
		for _, conn := range connections {
			if conn != nil {
				_ = conn.Close()
			}
		}
	})
	if t.Failed() {
		return
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, s := range surfaces {
		if a, err := ask(t.Context(), client, p.url, s, body("among the idle", true)); err != nil || a.text != "among the idle" {
			t.Errorf("got %+v, %v", a, err)
		}
	}
	each := (p.memory(t) - before) / count
	t.Logf("%d idle connections take %d KB each; one process may open %d files", count, each>>10, mayOpen(t))
	if each > 64<<10 {
		t.Errorf("an idle connection takes %d bytes", each)
	}
}
