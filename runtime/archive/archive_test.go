package archive_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive"
	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

func TestAnIntervalBecomesOneObject(t *testing.T) {
	in(t, nil, func(t *testing.T, w *world) {
		pass(10 * time.Second)
		w.serve(3)
		pass(50*time.Second - 1)
		w.want(t, nil, 0)
		pass(1)
		w.want(t, upTo(3), 0)
		keys, _ := w.bucket.Keys()
		shape := `^records/environment=dev/variant=containers/date=2000-01-01/hour=00/[a-z2-7]{16}-000000000001-000000000003\.jsonl\.gz$`
		if len(keys) != 1 || !regexp.MustCompile(shape).MatchString(keys[0]) {
			t.Errorf("the objects are %q", keys)
		}
		pass(time.Hour) // nothing to say, nothing sent
		if _, lines := w.reported(); w.bucket.Puts() != 1 || lines != 1 {
			t.Errorf("an idle archive sent %d requests and %d lines", w.bucket.Puts(), lines)
		}
		w.serve(1)
		pass(time.Minute)
		w.want(t, upTo(4), 0)
	})
}

// A query for an hour finds every record of it, and no other.
func TestObjectsHoldOneHour(t *testing.T) {
	in(t, func(o *archive.Options) { o.Interval = 47 * time.Second }, func(t *testing.T, w *world) { // no flush at the full hour
		pass(time.Hour - 10*time.Second)
		w.serve(2)
		pass(20 * time.Second)
		w.serve(3)
		pass(time.Minute)
		w.want(t, upTo(5), 0)
		keys, _ := w.bucket.Keys()
		got := map[string]string{}
		for _, key := range keys {
			parts := strings.Split(key, "/")
			got[parts[4]] = parts[5][len("0123456789abcdef-"):]
		}
		want := map[string]string{"hour=00": "000000000001-000000000002.jsonl.gz", "hour=01": "000000000003-000000000005.jsonl.gz"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A clock that is set back or forward names objects after the hour it shows: each still holds one hour, none hides another,
// and the numbers go on.
func TestClockJumps(t *testing.T) {
	in(t, nil, func(t *testing.T, w *world) {
		right := time.Date(2026, 11, 22, 23, 59, 59, 0, time.UTC)
		for _, jump := range []time.Duration{0, time.Second, 0, -time.Hour, 0, 48 * time.Hour, 0} {
			for range 2 {
				w.Add(&record.Request{Start: right.Add(jump), RequestID: "req_1"})
			}
		}
		pass(time.Minute)
		numbers := w.stored(t)
		slices.Sort(numbers)
		if diff := cmp.Diff(upTo(14), numbers); diff != "" {
			t.Errorf("stored records: %s", diff)
		}
		keys, _ := w.bucket.Keys()
		var got []string
		for _, key := range keys {
			parts := strings.Split(key, "/")
			got = append(got, parts[3]+" "+parts[4]+" "+parts[5][len("0123456789abcdef-"):])
		}
		slices.Sort(got)
		want := []string{
			"date=2026-11-22 hour=22 000000000007-000000000008.jsonl.gz",
			"date=2026-11-22 hour=23 000000000001-000000000002.jsonl.gz",
			"date=2026-11-22 hour=23 000000000005-000000000006.jsonl.gz",
			"date=2026-11-22 hour=23 000000000009-000000000010.jsonl.gz",
			"date=2026-11-22 hour=23 000000000013-000000000014.jsonl.gz",
			"date=2026-11-23 hour=00 000000000003-000000000004.jsonl.gz",
			"date=2026-11-24 hour=23 000000000011-000000000012.jsonl.gz",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFullObjectDoesNotWaitForTheInterval(t *testing.T) {
	in(t, func(o *archive.Options) { o.ObjectBytes = 1000 }, func(t *testing.T, w *world) {
		w.serve(10)
		synctest.Wait()
		keys, _ := w.bucket.Keys()
		if len(keys) < 2 || len(w.stored(t)) < 8 {
			t.Errorf("without the interval %d records were stored in %d objects", len(w.stored(t)), len(keys))
		}
		pass(time.Minute)
		w.want(t, upTo(10), 0)
	})
}

// Two processes with the same numbers do not touch each other's objects.
func TestProcessesHaveNamesOfTheirOwn(t *testing.T) {
	in(t, nil, func(t *testing.T, w *world) {
		client, stop := memnet.Serve(w.bucket)
		defer stop()
		other := archive.New(archive.Options{Store: open(client), Environment: "dev", Variant: "containers", Interval: time.Minute,
			Report: func(string, ...record.Value) {}, Log: slog.New(slog.DiscardHandler)})
		other.Add(&record.Request{Start: time.Now()})
		w.serve(1)
		pass(time.Minute)
		if err := other.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if keys, _ := w.bucket.Keys(); len(keys) != 2 {
			t.Errorf("the objects are %q", keys)
		}
	})
}

func TestWhatFailsIsTriedAgain(t *testing.T) {
	tests := []struct {
		name  string
		fault buckettest.Fault
	}{
		{"internal error", buckettest.Fault{Status: 500, Code: "InternalError"}},
		{"throttled", buckettest.Fault{Status: 503, Code: "SlowDown"}},
		{"conflict", buckettest.Fault{Status: 409, Code: "ConditionalRequestConflict"}},
		{"not allowed yet", buckettest.Fault{Status: 403, Code: "AccessDenied"}},
		{"cut", buckettest.Fault{Cut: true}},
		{"cut, and stored", buckettest.Fault{Cut: true, Store: true}},
		{"failed, and stored", buckettest.Fault{Status: 500, Code: "InternalError", Store: true}},
		{"silent", buckettest.Fault{Delay: time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, nil, func(t *testing.T, w *world) {
				w.bucket.Script(tt.fault, tt.fault, tt.fault)
				w.serve(2)
				pass(3 * time.Minute)
				w.want(t, upTo(2), 0)
				if keys, _ := w.bucket.Keys(); len(keys) != 1 {
					t.Errorf("the objects are %q", keys)
				}
				if !strings.Contains(w.said(), `"level":"WARN","msg":"usage records are not stored yet"`) {
					t.Errorf("nothing was said:\n%s", w.said())
				}
			})
		})
	}
}

// refused is a network where nobody listens, for a while.
type refused struct {
	archive.Store
	until time.Time
}

func (r refused) Put(ctx context.Context, key string, body []byte) error {
	if time.Now().Before(r.until) {
		listener := memnet.Listen()
		_ = listener.Close()
		return open(&http.Client{Transport: &http.Transport{DialContext: listener.Dial}}).Put(ctx, key, body)
	}
	return r.Store.Put(ctx, key, body)
}

func TestAnOutageShorterThanThePatienceCostsNothing(t *testing.T) {
	in(t, func(o *archive.Options) { o.Store = refused{o.Store, time.Now().Add(9 * time.Minute)} }, func(t *testing.T, w *world) {
		for range 9 {
			w.serve(1)
			pass(time.Minute)
		}
		if len(w.stored(t)) > 0 {
			t.Fatal("the network works")
		}
		pass(time.Minute)
		w.want(t, upTo(9), 0)
	})
}

func TestAnOutageLongerThanThePatienceIsCounted(t *testing.T) {
	in(t, func(o *archive.Options) { o.Patience = 5 * time.Minute }, func(t *testing.T, w *world) {
		w.bucket.Script(slices.Repeat([]buckettest.Fault{{Status: 500, Code: "InternalError"}}, 1000)...)
		w.serve(3)
		pass(time.Minute + 4*time.Minute)
		w.want(t, nil, 0)
		pass(time.Minute)
		w.want(t, nil, 3)
		if tries := w.bucket.Puts(); tries < 10 || tries > 20 {
			t.Errorf("it was tried %d times in 5 minutes", tries)
		}
		if !strings.Contains(w.said(), `"level":"ERROR","msg":"usage records are lost"`) || !strings.Contains(w.said(), "InternalError") {
			t.Errorf("the log does not say why:\n%s", w.said())
		}
		w.bucket.Heal()
		w.serve(2)
		pass(time.Minute)
		w.want(t, []int{4, 5}, 3)
	})
}

// What finds no room is lost at once, counted while the outage lasts, and no request waits.
func TestMemoryIsBounded(t *testing.T) {
	in(t, func(o *archive.Options) { o.HeldBytes, o.ObjectBytes = 10_000, 2_000 }, func(t *testing.T, w *world) {
		w.bucket.Script(slices.Repeat([]buckettest.Fault{{Status: 500, Code: "InternalError"}}, 1000)...)
		began := time.Now()
		w.serve(1000)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("requests waited %s for the archive", waited)
		}
		pass(time.Minute)
		counts, _ := w.reported()
		lost := int(counts[metric.ArchiveLost.Name])
		if kept := 1000 - lost; kept < 30 || kept > 60 {
			t.Errorf("%d records of about 250 bytes were kept in 10,000 bytes", kept)
		}
		w.bucket.Heal()
		pass(time.Minute)
		w.serve(1)
		pass(time.Minute)
		w.want(t, append(upTo(1000-lost), 1001), lost) // a reader sees the gap
	})
}

func TestCloseStoresWhatIsHeld(t *testing.T) {
	in(t, nil, func(t *testing.T, w *world) {
		w.serve(3)
		if err := w.close(time.Second); err != nil {
			t.Error(err)
		}
		w.want(t, upTo(3), 0)
		if err := w.close(time.Second); err != nil {
			t.Errorf("closed again: %v", err)
		}
		w.serve(1)
		w.want(t, upTo(3), 1)
	})
}

// In an outage the end does not wait for the next try.
func TestCloseTriesAtOnce(t *testing.T) {
	in(t, nil, func(t *testing.T, w *world) {
		w.bucket.Script(slices.Repeat([]buckettest.Fault{{Status: 500, Code: "InternalError"}}, 1000)...)
		w.serve(1)
		pass(5 * time.Minute) // tries are half a minute apart now
		w.serve(1)
		w.bucket.Heal()
		w.bucket.Script(buckettest.Fault{Status: 500, Code: "InternalError"})
		began := time.Now()
		if err := w.close(5 * time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
		w.want(t, upTo(2), 0)
	})
}

func TestCloseEndsInTime(t *testing.T) {
	for name, fault := range map[string]buckettest.Fault{
		"failing": {Status: 500, Code: "InternalError"}, "silent": {Delay: time.Hour}, "cut": {Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(o *archive.Options) { o.ObjectBytes = 1000 }, func(t *testing.T, w *world) {
				w.bucket.Script(slices.Repeat([]buckettest.Fault{fault}, 1000)...)
				w.serve(10)
				began := time.Now()
				err := w.close(5 * time.Second)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
				if err == nil || !strings.Contains(err.Error(), "10 usage records could not be archived") {
					t.Errorf("the error is %v", err)
				}
				w.want(t, nil, 10)
			})
		})
	}
}

// A record says who asked what for how much; and it has nothing that could hold what was said.
func TestRecordsHoldNoCause(t *testing.T) {
	in(t, nil, func(t *testing.T, w *world) {
		w.Add(&record.Request{
			Start: time.Now(), Duration: time.Second, Upstream: 900 * time.Millisecond, Client: 50 * time.Millisecond, FirstToken: 300 * time.Millisecond,
			RequestID: "req_1", Surface: "openai", Tenant: "team \"a\"", Auth: "key", Alias: "haiku", Stream: true, Status: 502,
			Code: inference.Upstream, Cause: "the-secret-question",
			Trail: inference.Trail{Target: inference.Target{Model: "m", Region: "us-east-1"}, Calls: 2},
			Usage: inference.Usage{Input: 1, CacheRead: 2, CacheWrite: 3, Output: 4}, Cost: 0.5, CostKnown: true,
		})
		if err := w.close(time.Second); err != nil {
			t.Fatal(err)
		}
		records, err := w.bucket.Records()
		if err != nil || len(records) != 1 {
			t.Fatalf("the records are %v, %v", records, err)
		}
		got := maps.Clone(records[0])
		process := got["process"].(string)
		if keys, _ := w.bucket.Keys(); !strings.Contains(keys[0], "/"+process+"-") {
			t.Errorf("the process is %q, the object %q", process, keys[0])
		}
		delete(got, "process")
		want := map[string]any{"kind": "request", "time": "2000-01-01T00:00:01Z", "seq": 1.0, "request_id": "req_1", "surface": "openai", "tenant": "team \"a\"",
			"auth": "key", "alias": "haiku", "target_model": "m", "target_region": "us-east-1", "calls": 2.0, "stream": true, "status": 502.0,
			"code": "upstream", "input_tokens": 1.0, "cache_read_tokens": 2.0, "cache_write_tokens": 3.0, "output_tokens": 4.0,
			"cost_usd": 0.5, "duration_ms": 1000.0, "upstream_ms": 900.0, "client_ms": 50.0, "first_token_ms": 300.0}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if strings.Contains(fmt.Sprint(records)+w.said(), "the-secret-question") {
			t.Error("it holds what was said")
		}
	})
}

// A rating stands beside the requests, with a number of its own among theirs.
func TestRatingsAreArchived(t *testing.T) {
	in(t, nil, func(t *testing.T, w *world) {
		w.Add(&record.Request{Start: time.Now(), RequestID: "req_1"})
		w.AddFeedback(&record.Feedback{Time: time.Now(), Answered: time.Now().Add(-time.Hour), RequestID: "req_1", Tenant: "team-a", Auth: "keys",
			Alias: "haiku", Thumbs: "down", Reason: "incorrect"})
		w.AddFeedback(&record.Feedback{Time: time.Now(), Answered: time.Now(), RequestID: "req_2", Score: 4})
		if err := w.close(time.Second); err != nil {
			t.Fatal(err)
		}
		records, err := w.bucket.Records()
		if err != nil || len(records) != 3 {
			t.Fatalf("the records are %v, %v", records, err)
		}
		process := records[0]["process"]
		want := []map[string]any{
			{"kind": "feedback", "time": "2000-01-01T00:00:00Z", "process": process, "seq": 2.0, "request_id": "req_1", "tenant": "team-a", "auth": "keys",
				"alias": "haiku", "answered": "1999-12-31T23:00:00Z", "thumbs": "down", "reason": "incorrect"},
			{"kind": "feedback", "time": "2000-01-01T00:00:00Z", "process": process, "seq": 3.0, "request_id": "req_2", "answered": "2000-01-01T00:00:00Z", "score": 4.0},
		}
		if diff := cmp.Diff(want, records[1:]); diff != "" {
			t.Error(diff)
		}
	})
}
