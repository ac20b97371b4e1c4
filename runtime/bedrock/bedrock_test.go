package bedrock_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/test/memnet"
)

const haiku = "global.anthropic.claude-haiku-5-5"

var (
	east = inference.Target{Model: haiku, Region: "us-east-1"}
	west = inference.Target{Model: haiku, Region: "us-west-2"}

	billed = inference.Target{Model: haiku, Region: "us-east-1", Profile: "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/06vsfs68yb4g"}
)

// world is a provider and the embedded Bedrock it calls, in a bubble where time passes only when all is waiting.
type world struct {
	provider *bedrock.Provider
	bedrock  *bedrocktest.Server
}

// clients runs a test with either way to call Bedrock.
func clients(t *testing.T, test func(t *testing.T, sdk bool)) {
	t.Helper()
	t.Run("fast", func(t *testing.T) { test(t, false) })
	t.Run("sdk", func(t *testing.T) { test(t, true) })
}

// inWorld runs a test in worlds whose backoff always waits its longest, one for each client.
func inWorld(t *testing.T, maxCalls int, test func(*testing.T, *world)) {
	t.Helper()
	clients(t, func(t *testing.T, sdk bool) { inWorldOf(t, sdk, maxCalls, test) })
}

func inWorldOf(t *testing.T, sdk bool, maxCalls int, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := bedrocktest.New(bedrocktest.Options{
			Now:      func() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) },
			Latency:  -1, // answers sooner than the SDK is used to: see plainBodies
			Profiles: map[string]string{billed.Profile: haiku},
		})
		client, stop := memnet.Serve(server)
		defer stop()
		test(t, &world{
			bedrock: server,
			provider: bedrock.New(bedrock.Options{
				SDK:      sdk,
				MaxCalls: maxCalls, FirstByte: firstByte,
				Jitter: func() float64 { return 1 },
				AWS: aws.Config{
					HTTPClient:   client,
					BaseEndpoint: aws.String("http://bedrock"),
					Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
						return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-a-secret"}, nil
					}),
				},
			}),
		})
	})
}

func question(targets ...inference.Target) *inference.Request {
	return &inference.Request{
		Route:     inference.Route{Alias: "haiku", Targets: targets},
		Turns:     []inference.Turn{{Role: inference.User, Blocks: []inference.Block{{Text: "Hello?"}}}},
		MaxTokens: 100,
	}
}

func (w *world) fail(kind bedrocktest.Kind, times int) {
	w.bedrock.Script(slices.Repeat([]bedrocktest.Fault{{Kind: kind}}, times)...)
}

// ask asks once and returns the failure, if any.
func (w *world) ask(ctx context.Context, t *testing.T, request *inference.Request) *inference.Error {
	t.Helper()
	_, err := w.provider.Complete(ctx, request)
	if err == nil {
		return nil
	}
	var failure *inference.Error
	if !errors.As(err, &failure) {
		t.Fatalf("the error is a %T: %v", err, err)
	}
	return failure
}

func (w *world) regions() []string {
	var regions []string
	for _, call := range w.bedrock.Calls() {
		regions = append(regions, call.Region)
	}
	return regions
}

func TestBackoffGrowsAndAnotherTargetNeedsNone(t *testing.T) {
	tests := []struct {
		name    string
		targets []inference.Target
		faults  int
		want    time.Duration
	}{
		{"one target", []inference.Target{east}, 3, 100*time.Millisecond + 200*time.Millisecond + 400*time.Millisecond},
		{"two targets", []inference.Target{east, west}, 1, 0},
		{"two targets, both failing", []inference.Target{east, west}, 2, 100 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 10, func(t *testing.T, w *world) {
				w.fail(bedrocktest.Throttle, tt.faults)
				request := question(tt.targets...)
				began := time.Now()
				if failure := w.ask(t.Context(), t, request); failure != nil {
					t.Fatal(failure)
				}
				if took := time.Since(began); took < tt.want || took > tt.want+20*time.Millisecond {
					t.Errorf("took %s, want %s", took, tt.want)
				}
				if got := request.Trail; got.Calls != tt.faults+1 || got.Throttles != tt.faults {
					t.Errorf("trail %+v", got)
				}
			})
		})
	}
}

func TestNoWaitPastTheDeadline(t *testing.T) {
	inWorld(t, 10, func(t *testing.T, w *world) {
		w.fail(bedrocktest.Capacity, 10)
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		began := time.Now()
		failure := w.ask(ctx, t, question(east))
		if failure == nil || failure.Code != inference.Overloaded {
			t.Fatalf("got %v; the failure is what Bedrock said, not the deadline", failure)
		}
		if took := time.Since(began); took > 150*time.Millisecond {
			t.Errorf("took %s: the second wait would have passed the deadline", took)
		}
		if got := len(w.regions()); got != 2 {
			t.Errorf("%d calls, want 2", got)
		}
	})
}

func TestRetryBudgetEndsStorms(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		const requests = 30
		w.fail(bedrocktest.Throttle, 3*requests)
		for range requests {
			w.ask(t.Context(), t, question(east))
		}
		// 20 retries are in the budget, and nothing succeeds that would earn more.
		if got := len(w.regions()); got != requests+20 {
			t.Errorf("%d calls for %d requests, want %d", got, requests, requests+20)
		}
		w.bedrock.Reset()
		for range 10 { // earns one retry
			if failure := w.ask(t.Context(), t, question(east)); failure != nil {
				t.Fatal(failure)
			}
		}
		w.bedrock.Reset()
		w.fail(bedrocktest.Throttle, 3)
		w.ask(t.Context(), t, question(east))
		if got := len(w.regions()); got != 2 {
			t.Errorf("%d calls after ten good ones, want 2", got)
		}
	})
}

func TestFailingTargetCoolsDown(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		first := func() string {
			w.bedrock.Reset()
			request := question(east, west)
			if failure := w.ask(t.Context(), t, request); failure != nil {
				t.Fatal(failure)
			}
			served := w.regions()[0]
			if request.Trail.Fallback != (served == west.Region) || request.Trail.Failovers != 0 {
				t.Errorf("%s served at once, and the trail is %+v", served, request.Trail)
			}
			return served
		}
		for range 3 {
			w.bedrock.Reset()
			w.fail(bedrocktest.InternalError, 1)
			if failure := w.ask(t.Context(), t, question(east, west)); failure != nil {
				t.Fatal(failure)
			}
			if got := w.regions(); !slices.Equal(got, []string{east.Region, west.Region}) {
				t.Fatalf("called %v", got)
			}
		}
		if got := first(); got != west.Region {
			t.Errorf("after three failures in a row %s is called first", got)
		}
		time.Sleep(21 * time.Second) // the bubble's time
		if got := first(); got != east.Region {
			t.Errorf("once cool, %s is called first", got)
		}
	})
}

func TestRetryAfterGrows(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.fail(bedrocktest.Throttle, 7)
		var got []time.Duration
		for range 7 {
			got = append(got, w.ask(t.Context(), t, question(east)).RetryAfter)
		}
		want := []time.Duration{1, 2, 4, 8, 16, 30, 30}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestClosingAStreamStopsTheModel(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: 1})
		stream, err := w.provider.Stream(t.Context(), question(east))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Next(); err != nil {
			t.Fatal(err)
		}
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if calls := w.bedrock.Calls(); len(calls) != 1 || !calls[0].Canceled {
			t.Errorf("calls %+v", calls)
		}
	})
}

func TestStreamEndsWithTheCounts(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		stream, err := w.provider.Stream(t.Context(), question(east))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		var kinds []inference.EventKind
		var usage inference.Usage
		for {
			event, err := stream.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(kinds) == 0 || kinds[len(kinds)-1] != event.Kind {
				kinds = append(kinds, event.Kind)
			}
			usage = event.Usage
		}
		if want := []inference.EventKind{inference.EventText, inference.EventStop, inference.EventUsage}; !slices.Equal(kinds, want) {
			t.Errorf("events %v, want %v", kinds, want)
		}
		if usage.Input == 0 || usage.Output == 0 {
			t.Errorf("usage %+v", usage)
		}
	})
}

func TestUnenforceableToolChoiceIsRefused(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		request := question(east)
		request.Tools = []inference.Tool{{Name: "t", Schema: []byte(`{"type":"object"}`)}}
		request.ToolChoice.Mode = inference.ToolNone
		if failure := w.ask(t.Context(), t, request); failure != nil {
			t.Errorf("without earlier calls it means no tools: %v", failure)
		}
		request.Turns = append(request.Turns,
			inference.Turn{Role: inference.Assistant, Blocks: []inference.Block{{Use: &inference.ToolUse{ID: "1", Name: "t", Input: []byte("{}")}}}},
			inference.Turn{Role: inference.User, Blocks: []inference.Block{{Result: &inference.ToolResult{ID: "1"}}}})
		failure := w.ask(t.Context(), t, request)
		if failure == nil || failure.Code != inference.InvalidRequest || failure.Field != "tool_choice" {
			t.Errorf("got %v", failure)
		}
		request.ToolChoice.Mode = inference.ToolAuto
		if failure := w.ask(t.Context(), t, request); failure != nil {
			t.Errorf("an empty tool result: %v", failure)
		}
	})
}

// A request body must be written without the SDK's close of it being taken for a failure, and the SDK's own client
// must keep as many connections as there are requests at once.
func TestConnectionsAreKept(t *testing.T) { clients(t, testConnectionsAreKept) }

func testConnectionsAreKept(t *testing.T, sdk bool) {
	const requests = 50
	server := httptest.NewUnstartedServer(bedrocktest.New(bedrocktest.Options{}))
	var opened atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	provider := bedrock.New(bedrock.Options{MaxCalls: 1, SDK: sdk, AWS: aws.Config{
		HTTPClient:   awshttp.NewBuildableClient(), // what config.LoadDefaultConfig brings
		BaseEndpoint: aws.String(server.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "not-a-secret"}, nil
		}),
	}})
	for range 4 {
		var wait sync.WaitGroup
		for range requests {
			wait.Go(func() {
				if _, err := provider.Complete(t.Context(), question(east)); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	if got := opened.Load(); got > requests {
		t.Errorf("%d connections were opened for %d requests at once", got, requests)
	}
}

// TestEveryOperationCallsTheProfile asks whole and streamed, on either surface, and when the profile is throttled, the
// model itself in the other Region, whose profile nobody knows here.
func TestEveryOperationCallsTheProfile(t *testing.T) {
	inWorld(t, 2, func(t *testing.T, w *world) {
		body := []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"messages":[{"role":"user","content":"Hi"}]}`)
		for _, raw := range [][]byte{nil, body} {
			whole := question(billed, west)
			whole.Body = raw
			if failure := w.ask(t.Context(), t, whole); failure != nil {
				t.Fatal(failure)
			}
			stream := question(billed, west)
			stream.Body, stream.Stream = raw, true
			if _, err := drain(t, w.provider, stream); err != io.EOF {
				t.Fatal(err)
			}
		}
		w.fail(bedrocktest.Throttle, 1)
		if failure := w.ask(t.Context(), t, question(billed, west)); failure != nil {
			t.Fatal(failure)
		}
		var got []string
		for _, call := range w.bedrock.Calls() {
			got = append(got, call.Operation+" "+call.Model+" "+call.Outcome)
		}
		want := []string{"Converse " + billed.Profile + " ok", "ConverseStream " + billed.Profile + " ok", "InvokeModel " + billed.Profile + " ok",
			"InvokeModelWithResponseStream " + billed.Profile + " ok", "Converse " + billed.Profile + " ThrottlingException", "Converse " + haiku + " ok"}
		if !slices.Equal(got, want) {
			t.Errorf("called %q, want %q", got, want)
		}
	})
}
