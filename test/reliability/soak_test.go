package reliability_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// longForm is how long the long forms run, and whether they were asked for with RELIABILITY_SOAK.
func longForm(t *testing.T) (time.Duration, bool) {
	t.Helper()
	text, asked := os.LookupEnv("RELIABILITY_SOAK")
	if !asked {
		return time.Minute, false
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 10*time.Second {
		t.Fatalf("RELIABILITY_SOAK is %q; allowed is a duration of at least 10s, such as \"10m\"", text)
	}
	return d, true
}

// Words in a question that make the Bedrock of the soak fail.
const (
	failAlways = "fail-always" // every call
	failOnce   = "fail-once"   // the first call
	failLate   = "fail-late"   // the connection, in the middle of the answer
)

// faulty is a Bedrock that fails where the question says so.
type faulty struct {
	next http.Handler
	once sync.Map // questions that have failed
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	switch {
	case bytes.Contains(text, []byte(failAlways)):
		unavailable(w)
	case bytes.Contains(text, []byte(failOnce)):
		if _, failed := f.once.LoadOrStore(string(text), true); !failed {
			unavailable(w)
			return
		}
		f.once.Delete(string(text))
		f.next.ServeHTTP(w, r)
	case bytes.Contains(text, []byte(failLate)):
		f.next.ServeHTTP(&short{ResponseWriter: w, left: 300}, r)
	default:
		f.next.ServeHTTP(w, r)
	}
}

func unavailable(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", "InternalServerException")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, `{"message":"injected"}`)
}

// short breaks the connection after so many bytes.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Write(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		_ = http.NewResponseController(s.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return s.ResponseWriter.Write(p)
}

func (s *short) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// tally counts what came of the questions.
type tally struct {
	good, bad, faults, left atomic.Int64
	requests                float64 // as the metric has them, of the log so far
}

// question asks one thing, of one of the kinds there are, and judges the answer.
func (c *tally) question(t *testing.T, client *http.Client, url string, n int) {
	s, stream := surfaces[n%2], n%4 < 2
	// Long enough for many chunks; the number makes it a question that no other request asks.
	text := fmt.Sprintf("Question %d: %s", n, strings.Repeat(fmt.Sprint(n, " "), 60))
	switch dice := n % 100; {
	case dice < 5:
		c.bad.Add(1)
		wrong := [...]string{"{", `{"model":"haiku"}`, `{"model":"nobody","max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, "\x00", "[]"}[dice]
		if a, err := ask(t.Context(), client, url, s, wrong); err != nil || a.status < 400 || a.status > 404 || a.failed == "" {
			t.Errorf("bad input got %d %.200s, %v", a.status, a.raw, err)
		}
	case dice < 10:
		c.left.Add(1)
		leave(t, client, url, s, text)
	case dice < 11:
		c.faults.Add(1)
		if a, err := ask(t.Context(), client, url, s, body(failAlways+" "+text, stream)); err != nil || a.status != http.StatusBadGateway || a.failed == "" {
			t.Errorf("a model that fails got %d %.200s, %v", a.status, a.raw, err)
		}
	case dice < 14:
		c.faults.Add(1)
		// Retries have a budget, which can be used up by chance: then it is a 502, as for a model that fails.
		text = failOnce + " " + text
		a, err := ask(t.Context(), client, url, s, body(text, stream))
		if err != nil || a.status != http.StatusBadGateway && (a.text != text || !a.whole) {
			t.Errorf("a model that fails once got %d %.200s, %v", a.status, a.raw, err)
		}
	case dice < 15:
		c.faults.Add(1)
		a, err := ask(t.Context(), client, url, s, body(failLate+" "+text, stream))
		if err != nil || a.whole || a.failed == "" {
			t.Errorf("an answer that breaks got %d %.200s, %v", a.status, a.raw, err)
		}
	default:
		c.good.Add(1)
		if a, err := ask(t.Context(), client, url, s, body(text, stream)); err != nil || a.status != http.StatusOK || !a.whole || a.text != text {
			t.Errorf("question %d, of %q, got %d %.300s, %v", n, text[:20], a.status, a.raw, err)
		}
	}
}

// leave hangs up as soon as an answer begins.
func leave(t *testing.T, client *http.Client, url string, s surface, text string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+s.path, strings.NewReader(body(text, true)))
	if err != nil {
		t.Error(err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		t.Errorf("before leaving: %v", err)
		return
	}
	defer response.Body.Close()
	if _, err := response.Body.Read(make([]byte, 10)); err != nil {
		t.Errorf("before leaving: %v", err)
	}
}

// TestSoak asks everything there is at 70 % of what the machine can do, for a minute or as long as it is told: each answer
// must be that of its question, nothing may fail that was not made to fail, memory must not grow, and when it is over the
// process must have left nothing behind, no goroutine and no file.
func TestSoak(t *testing.T) {
	kernel(t)
	f := &faulty{next: echo()}
	p := start(t, told(), f, "GODEBUG=gctrace=1")
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	client := &http.Client{Transport: transport}
	c := &tally{}
	var n atomic.Int64
	burst := func(questions int) time.Duration { // closed loop: as fast as it goes
		began := time.Now()
		var workers sync.WaitGroup
		last := n.Load() + int64(questions)
		for range 16 {
			workers.Go(func() {
				for i := n.Add(1); i <= last; i = n.Add(1) {
					c.question(t, client, p.url, int(i))
				}
			})
		}
		workers.Wait()
		n.Store(last)
		return time.Since(began)
	}
	burst(400)
	// Standard ones, the listener, epoll, and what reads the CPU limit; and Go may have opened one or two for itself later.
	files := p.rest(t, transport, 12) + 2
	long, asked := longForm(t)
	questions := 2_000
	if asked {
		questions = 20_000
	}
	perSecond := 0.7 * float64(questions) / burst(questions).Seconds()
	p.rest(t, transport, files)
	before := p.inUse(t, client, &n)
	c.pace(t, p, client, &n, perSecond, long)
	if t.Failed() {
		return
	}
	p.rest(t, transport, files)
	after := p.inUse(t, client, &n)
	t.Logf("%d MB in use before, %d MB after", before, after)
	if after > before+6 {
		t.Errorf("memory in use grew from %d MB to %d MB", before, after)
	}
	p.rest(t, transport, files)
	t.Logf("%d good, %d bad, %d made to fail, %d left; %d files, %d MB resident", c.good.Load(), c.bad.Load(), c.faults.Load(), c.left.Load(),
		p.files(t), p.memory(t)>>20)
	p.reaches(t, "Requests", float64(n.Load())-c.requests)
	waiting := p.goroutines(t)
	t.Logf("%d goroutines wait", len(waiting))
	dump := strings.Join(waiting, "\n\n")
	if inHandler := strings.Count(dump, "(*gateway).inference"); inHandler > 0 {
		t.Errorf("%d requests are still being answered:\n%s", inHandler, output.Tail(dump))
	}
	if len(waiting) == 0 || len(waiting) > 20 { // those of the server, the log and the signals
		t.Errorf("%d goroutines are left:\n%s", len(waiting), dump)
	}
}

// rest closes what is idle between requests, on both sides, and returns how many files are open then: no more than most.
func (p *process) rest(t *testing.T, transport *http.Transport, most int) (files int) {
	t.Helper()
	transport.CloseIdleConnections()
	eventually(t, fmt.Sprintf("no more than %d files are open", most), func() bool {
		p.upstream.CloseClientConnections()
		files = p.files(t)
		return files <= most
	})
	return files
}

// pace asks at a rate, for a time, and watches the memory.
func (c *tally) pace(t *testing.T, p *process, client *http.Client, n *atomic.Int64, perSecond float64, long time.Duration) {
	t.Helper()
	t.Logf("%.0f questions a second for %s", perSecond, long)
	var all sync.WaitGroup
	// Fewer than the server has places: where the machine is short of time for both, the pace drops, and nothing is shed.
	places := make(chan struct{}, told().Limits.Concurrency/2)
	began, printed := time.Now(), time.Now()
	var at, resident []float64
	for i := 0; ; i++ {
		due := began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
		if due.Sub(began) > long || t.Failed() {
			break
		}
		time.Sleep(time.Until(due)) // the pace is what is asked for, not a way to wait
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			c.question(t, client, p.url, int(n.Add(1)))
		})
		if time.Since(printed) > long/60 {
			printed = time.Now()
			c.requests += output.Sum(p.log.Take(), "Requests")
			at, resident = append(at, time.Since(began).Minutes()), append(resident, float64(p.memory(t))/(1<<20))
		}
	}
	all.Wait()
	t.Logf("%d questions in %s", n.Load(), time.Since(began).Round(time.Second))
	half := len(at) / 2
	grows := slope(at[half:], resident[half:])
	t.Logf("resident MB %.0f; it grows by %.2f MB a minute over the second half", resident, grows)
	// The process keeps what a busy moment took, and one such step in a short run looks like a slope.
	if long >= 5*time.Minute && grows > 1 {
		t.Errorf("resident memory grows by %.2f MB a minute", grows)
	}
	if most := slices.Max(resident); most > 256 {
		t.Errorf("%.0f MB were resident, allowed are 256", most)
	}
}

// collected is what the collector prints of itself: of "8->9->4 MB" the MB in use afterwards.
var collected = regexp.MustCompile(`(?m)^gc \d+ @.*->(\d+) MB, `)

// inUse is the memory in use, in MB, when nothing else is: it asks one thing after the other until the collector has run
// some times, and takes the least. So neither what a busy moment leaves behind nor how fast the machine is counts.
func (p *process) inUse(t *testing.T, client *http.Client, n *atomic.Int64) int {
	t.Helper()
	const runs = 6 // what is pooled is gone after two
	large := body(strings.Repeat("large ", 20_000), false)
	before := p.errors.String()
	var found []int
	eventually(t, fmt.Sprintf("the collector has run %d times", runs), func() bool {
		for range 20 {
			n.Add(1)
			if a, err := ask(t.Context(), client, p.url, surfaces[1], large); err != nil || a.status != http.StatusOK {
				t.Fatalf("a large question got %d %.200s, %v", a.status, a.raw, err)
			}
		}
		text := p.errors.String()
		found = nil
		for _, line := range collected.FindAllStringSubmatch(text[len(before):], -1) {
			n, err := strconv.Atoi(line[1])
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, n)
		}
		return len(found) >= runs
	})
	return slices.Min(found)
}

// slope is the least squares slope of y over x.
func slope(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// TestOverloadMeasured is the long form of TestOverload: ten times what the server takes, for half a minute. It prints
// how long accepted requests took, without load and under it; nothing of that is judged but that there were answers.
func TestOverloadMeasured(t *testing.T) {
	if _, asked := longForm(t); !asked {
		t.Skip("needs RELIABILITY_SOAK")
	}
	s := told()
	const places = 64
	s.Limits.Concurrency, s.Limits.Queue, s.Limits.QueueWait = places, 0, 0
	p := start(t, s, bedrocktest.New(bedrocktest.Options{Now: func() time.Time { return now }, DropBodies: true, KeepCalls: 1,
		Latency: 200 * time.Millisecond, Reply: func(prompt string) string { return prompt }}))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}
	alone := measure(t, client, p.url, places/2, 5*time.Second, 0)
	flooded := measure(t, client, p.url, 10*places, 30*time.Second, 200*time.Millisecond)
	after := measure(t, client, p.url, places/2, 2*time.Second, 0)
	for _, m := range []measured{alone, flooded, after} {
		t.Log(m)
	}
	t.Logf("%d MB resident, %d CPUs for all", p.memory(t)>>20, runtime.NumCPU())
	if alone.refused+after.refused > 0 || flooded.refused == 0 || flooded.accepted == 0 {
		t.Error("it was not refused what there is no place for, and nothing else")
	}
}

// measured is what callers saw of a load.
type measured struct {
	callers, accepted, refused int
	p50, p99, refusal          time.Duration
}

func (m measured) String() string {
	return fmt.Sprintf("%d callers: %d accepted, p50 %s, p99 %s; %d refused, p99 %s", m.callers, m.accepted, m.p50, m.p99, m.refused, m.refusal)
}

// measure has so many callers ask one question after the other; refused ones pause.
func measure(t *testing.T, client *http.Client, url string, callers int, long, pause time.Duration) measured {
	t.Helper()
	var mu sync.Mutex
	var accepted, refused []time.Duration
	until := time.Now().Add(long)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for time.Now().Before(until) && !t.Failed() {
				began := time.Now()
				a, err := ask(t.Context(), client, url, surfaces[0], body("x", false))
				took := time.Since(began)
				mu.Lock()
				switch {
				case err == nil && a.status == http.StatusOK && a.text == "x":
					accepted = append(accepted, took)
				case err == nil && a.status == http.StatusServiceUnavailable:
					refused = append(refused, took)
				default:
					t.Errorf("got %d %.200s, %v", a.status, a.raw, err)
				}
				mu.Unlock()
				if a.status != http.StatusOK {
					time.Sleep(time.Duration((0.5 + rand.Float64()) * float64(pause))) // as callers do that were told to come back
				}
			}
		})
	}
	all.Wait()
	return measured{callers, len(accepted), len(refused), part(accepted, 0.5), part(accepted, 0.99), part(refused, 0.99)}
}

// part is the least time that such a part of all did not exceed.
func part(of []time.Duration, share float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[int(share*float64(len(of)-1))].Round(time.Microsecond)
}
