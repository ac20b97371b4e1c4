package reliability_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// held is a Bedrock that answers when it is let, and knows how many calls it has at once.
type held struct {
	next          http.Handler
	let           chan struct{}
	release       func() // lets it answer
	running, most atomic.Int64
	came          chan struct{} // gets a value for each call
}

func (h *held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := h.running.Add(1)
	defer h.running.Add(-1)
	for most := h.most.Load(); n > most && !h.most.CompareAndSwap(most, n); most = h.most.Load() {
	}
	h.came <- struct{}{}
	<-h.let
	h.next.ServeHTTP(w, r)
}

// hold makes a held Bedrock, which is let at the latest when the test ends.
func hold(t *testing.T, s settings.Settings) (*held, *process) {
	t.Helper()
	h := &held{next: echo(), let: make(chan struct{}), came: make(chan struct{}, 10_000)}
	h.release = sync.OnceFunc(func() { close(h.let) })
	p := start(t, s, h)
	t.Cleanup(h.release)
	return h, p
}

// TestOverload asks for ten times what the server takes. What it takes is answered, all of it and rightly;
// the rest is refused while the model has not said a word, with a time to come back; health checks pass; and once it is
// over the next one is answered.
func TestOverload(t *testing.T) {
	kernel(t)
	s := told() // with the limits that a server has by default, where a process may open so many files
	s.Limits.QueueWait = time.Minute
	s.Limits.Concurrency = min(s.Limits.Concurrency, (mayOpen(t)-500)/12)
	if s.Limits.Concurrency < 32 {
		t.Skipf("a process may open %d files here; 900 are needed", mayOpen(t))
	}
	running, waiting := s.Limits.Concurrency, s.Limits.Queue
	flood := 10*running - running - waiting
	bedrock, p := hold(t, s)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	var answered, refused atomic.Int64
	send := func(i int) {
		all.Go(func() {
			question := fmt.Sprintf("question %d of the flood", i)
			a, err := ask(t.Context(), client, p.url, surfaces[i%2], body(question, i%4 < 2))
			after := a.header.Get("Retry-After")
			switch {
			case err == nil && a.status == http.StatusOK && a.whole && a.text == question:
				answered.Add(1)
			case err == nil && a.status == [...]int{http.StatusServiceUnavailable, 529}[i%2] &&
				a.failed == [...]string{"server_error", "overloaded_error"}[i%2] && after >= "1" && after <= "3":
				refused.Add(1)
			default:
				t.Errorf("question %d got %+v, %v", i, a, err)
			}
		})
	}
	for i := range running {
		send(i)
	}
	for range running {
		<-bedrock.came
	}
	began := time.Now()
	for i := range waiting + flood {
		send(running + i)
	}
	eventually(t, "all are refused for whom there is no place", func() bool { return int(refused.Load()) >= flood })
	if answered.Load() != 0 {
		t.Error("something was answered before the model was let")
	}
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		if response, err := client.Get(p.url + path); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: %v, %v", path, response, err)
		} else {
			response.Body.Close()
		}
	}
	t.Logf("%d MB resident with %d requests running and %d waiting", p.memory(t)>>20, running, waiting)
	bedrock.release()
	all.Wait()
	late := 0 // of those that waited
	if took := time.Since(began); took > s.Limits.QueueWait {
		late = int(refused.Load()) - flood
		t.Logf("the machine took %s, and %d were refused after their wait, as they must be", took, late)
	}
	if int(answered.Load()) != running+waiting-late || int(refused.Load()) != flood+late || late > waiting {
		t.Errorf("%d were answered and %d refused, want %d and %d", answered.Load(), refused.Load(), running+waiting-late, flood+late)
	}
	if a, err := ask(t.Context(), client, p.url, surfaces[0], body("afterwards", true)); err != nil || a.text != "afterwards" {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
	if most := int(bedrock.most.Load()); most != running {
		t.Errorf("the model had %d calls at once, want %d", most, running)
	}
	p.reaches(t, "Shed", float64(flood+late))
	t.Logf("%d MB resident after %d refusals", p.memory(t)>>20, flood)
}

// TestLargeBodiesTogether floods the server with bodies of the largest size: what it holds is bounded.
func TestLargeBodiesTogether(t *testing.T) {
	kernel(t)
	s := told()
	s.MaxBodyBytes, s.Limits.HeldBytes, s.Limits.Concurrency = 4<<20, 16<<20, 1000
	bedrock, p := hold(t, s)
	large := body(strings.Repeat("x", 4<<20-200), false)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	var ok, shed, other atomic.Int64
	const floods = 40
	for i := range floods {
		all.Go(func() {
			a, err := ask(t.Context(), client, p.url, surfaces[i%2], large)
			switch {
			case a.status == http.StatusServiceUnavailable || a.status == 529:
				shed.Add(1)
			case a.status == http.StatusOK || a.status == http.StatusBadRequest: // the model may find it too long
				ok.Add(1)
			case err != nil:
				shed.Add(1) // refused while the body was on its way; the connection is cut then
			default:
				other.Add(1)
				t.Logf("got %d %.300s %v", a.status, a.raw, err)
			}
		})
	}
	eventually(t, "each is with the model or refused", func() bool { return int(shed.Load())+len(bedrock.came) == floods })
	most := p.memory(t)
	bedrock.release()
	all.Wait()
	// At least one: those that come over the bound together are refused together.
	if ok.Load() < 1 || ok.Load() > 4 || other.Load() != 0 {
		t.Errorf("%d were taken, %d refused, %d neither", ok.Load(), shed.Load(), other.Load())
	}
	if a, err := ask(t.Context(), client, p.url, surfaces[1], body("afterwards", false)); err != nil || a.text != "afterwards" {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
	t.Logf("%d MB resident with 16 MB of bodies held", most>>20)
	if most > 400<<20 {
		t.Errorf("%d MB resident for 16 MB of bodies", most>>20)
	}
}

func TestTenantLimits(t *testing.T) {
	s := told()
	s.Limits.Tenants.Default.Streams = 2
	s.Limits.Tenants.Default.RequestsPerMinute = 5 // one comes back every 12 s: the test is faster than that
	bedrock, p := hold(t, s)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var streams sync.WaitGroup
	for i := range 2 {
		streams.Go(func() {
			if a, err := ask(t.Context(), client, p.url, surfaces[i], body("stream", true)); err != nil || !a.whole {
				t.Errorf("a stream got %+v, %v", a, err)
			}
		})
		<-bedrock.came
	}
	if a, err := ask(t.Context(), client, p.url, surfaces[0], body("third", true)); err != nil || a.status != 429 || a.header.Get("Retry-After") != "1" {
		t.Errorf("a third stream got %+v, %v", a, err)
	}
	bedrock.release()
	streams.Wait()
	// Three requests are left, and one more for every 12 s that the test takes.
	good, limited := 0, 1.0
	eventually(t, "the requests of a minute are used up", func() bool {
		a, err := ask(t.Context(), client, p.url, surfaces[good%2], body("one", false))
		switch {
		case err == nil && a.status == http.StatusOK:
			good++
			return false
		case err == nil && a.status == 429 && a.failed == "rate_limit_error" && a.header.Get("Retry-After") != "":
			limited++
			return true
		}
		t.Fatalf("got %+v, %v", a, err)
		return false
	})
	if good < 3 {
		t.Errorf("after two streams only %d requests of 5 a minute were let through", good)
	}
	p.reaches(t, "Limited", limited)
}
