package archive_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive"
	"github.com/genai-pipeline/genai-pipeline/runtime/archive/bucket"
	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

// world is an archive with S3's own client, on a network in memory, and the bucket at the other end.
type world struct {
	*archive.Writer
	bucket *buckettest.Bucket

	mu     sync.Mutex
	log    bytes.Buffer
	counts map[string]float64
	lines  int // with counts
}

// Write takes the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// report takes the metrics.
func (w *world) report(_ string, values ...record.Value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines++
	for _, v := range values {
		w.counts[v.Metric.Name] += v.Value
	}
}

func (w *world) reported() (counts map[string]float64, lines int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.counts), w.lines
}

// in runs a test in a bubble, where time passes only while everything waits.
func in(t *testing.T, change func(*archive.Options), test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{bucket: buckettest.New("dev-records"), counts: map[string]float64{}}
		client, stop := memnet.Serve(w.bucket)
		defer stop()
		o := archive.Options{
			Store: open(client), Environment: "dev", Variant: "containers", Interval: time.Minute,
			Report: w.report, Log: slog.New(slog.NewJSONHandler(w, nil)),
		}
		if change != nil {
			change(&o)
		}
		w.Writer = archive.New(o)
		test(t, w)
		_ = w.close(0) // the test has looked at what matters to it
	})
}

func open(client *http.Client) archive.Store {
	return bucket.Open(aws.Config{
		Region: "us-east-1", HTTPClient: client, BaseEndpoint: aws.String("http://192.0.2.1"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-a-secret"}, nil
		}),
	}, "dev-records")
}

func (w *world) close(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return w.Close(ctx)
}

// serve adds the records of so many requests, which end now.
func (w *world) serve(requests int) {
	for range requests {
		w.Add(&record.Request{Start: time.Now().Add(-time.Second), Duration: time.Second, RequestID: "req_1",
			Surface: "openai", Tenant: "team-a", Auth: "key", Alias: "haiku", Status: 200})
	}
}

// pass lets time pass, and whatever is to happen by then happen.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble
	synctest.Wait()
}

// stored are the numbers of the records in the bucket.
func (w *world) stored(t *testing.T) (numbers []int) {
	t.Helper()
	records, err := w.bucket.Records()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		numbers = append(numbers, int(r["seq"].(float64)))
	}
	return numbers
}

func (w *world) want(t *testing.T, stored []int, lost int) {
	t.Helper()
	if diff := cmp.Diff(stored, w.stored(t)); diff != "" {
		t.Errorf("stored records: %s", diff)
	}
	want := map[string]float64{metric.ArchiveWritten.Name: float64(len(stored)), metric.ArchiveLost.Name: float64(lost)}
	if len(stored)+lost == 0 {
		want = map[string]float64{}
	}
	got, _ := w.reported()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics: %s", diff)
	}
}

func upTo(n int) []int {
	var numbers []int
	for i := range n {
		numbers = append(numbers, i+1)
	}
	return numbers
}
