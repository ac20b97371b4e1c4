package bedrocktest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// bubble runs a test on a fake clock, with a server and a client in memory.
func bubble(t *testing.T, options bedrocktest.Options, run func(t *testing.T, b *inBubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &inBubble{}
		var end func()
		b.server, b.client, end = startInMemory(options)
		defer end()
		run(t, b)
	})
}

func TestPaceOfAStream(t *testing.T) {
	options := bedrocktest.Options{Pace: time.Second, Latency: 5 * time.Second, ChunkBytes: 4, Reply: func(string) string { return "12345678901" }}
	bubble(t, options, func(t *testing.T, b *inBubble) {
		began := time.Now()
		content, opening, err := deltas(t, b.client)
		if opening != nil || err != nil || content != 3 {
			t.Fatalf("%d content events, %v, %v, want 3", content, opening, err)
		}
		if got, want := time.Since(began), 7*time.Second; got != want {
			t.Errorf("took %s, want %s: the latency and two pauses", got, want)
		}
	})
}

func TestTenSilentMinutes(t *testing.T) {
	bubble(t, bedrocktest.Options{Latency: time.Second}, func(t *testing.T, b *inBubble) {
		for _, after := range []int{-1, 0, 1} {
			b.server.Script(bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: after, Delay: 10 * time.Minute})
			began := time.Now()
			if _, opening, err := deltas(t, b.client); opening != nil || err != nil {
				t.Errorf("after %d: %v, %v, want a whole stream", after, opening, err)
			}
			if got := time.Since(began); got != 10*time.Minute+time.Second {
				t.Errorf("after %d: took %s, want 10m1s", after, got)
			}
		}
	})
}

func TestClientThatLeaves(t *testing.T) {
	tests := []struct {
		name    string
		options bedrocktest.Options
		faults  []bedrocktest.Fault
		stream  bool
	}{
		{name: "a silent stream", stream: true, faults: []bedrocktest.Fault{{Kind: bedrocktest.Silence, AfterEvents: 1}}},
		{name: "a silent call", faults: []bedrocktest.Fault{{Kind: bedrocktest.Silence}}},
		{name: "a slow stream", stream: true, options: bedrocktest.Options{Pace: time.Hour}},
		{name: "a delayed fault", faults: []bedrocktest.Fault{{Kind: bedrocktest.Throttle, Delay: time.Hour}}},
		{name: "before the first byte", options: bedrocktest.Options{Latency: time.Hour}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.options, func(t *testing.T, b *inBubble) {
				b.server.Script(test.faults...)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if test.stream {
					out, err := b.client.ConverseStream(ctx, streaming(ask("x")))
					if err != nil {
						t.Fatal(err)
					}
					for range out.GetStream().Events() {
					}
					_ = out.GetStream().Close()
				} else if _, err := b.client.Converse(ctx, ask("x")); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("got %v, want a deadline", err)
				}
				synctest.Wait()
				if call := b.server.Calls()[0]; !call.Canceled || call.Outcome != "canceled" {
					t.Errorf("recorded %q, canceled %t, want canceled", call.Outcome, call.Canceled)
				}
			})
		})
	}
}

func TestRecordsCalls(t *testing.T) {
	bubble(t, bedrocktest.Options{KeepCalls: 2}, func(t *testing.T, b *inBubble) {
		long := ask(strings.Repeat("x", 100_000))
		for _, in := range []string{"first", "second"} {
			if _, err := b.client.Converse(t.Context(), ask(in)); err != nil {
				t.Fatal(err)
			}
		}
		long.Messages = append(long.Messages, types.Message{Role: types.ConversationRoleAssistant, Content: long.Messages[0].Content})
		if _, _, err := deltas(t, b.client); err != nil {
			t.Fatal(err)
		}
		if _, err := b.client.Converse(t.Context(), long); err != nil {
			t.Fatal(err)
		}
		calls := b.server.Calls()
		if len(calls) != 2 {
			t.Fatalf("%d calls kept, want 2", len(calls))
		}
		calls[0].Body = nil
		want := bedrocktest.Call{Operation: "ConverseStream", Model: haiku, Region: region, AccessKey: "AKIDEXAMPLE", Service: "bedrock", Stream: true, Outcome: "ok"}
		if diff := cmp.Diff(want, calls[0]); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		if size := len(calls[1].Body); size != 64<<10 {
			t.Errorf("%d bytes of a long body kept, want 64 KiB", size)
		}
	})
	bubble(t, bedrocktest.Options{DropBodies: true}, func(t *testing.T, b *inBubble) {
		if _, err := b.client.Converse(t.Context(), ask("x")); err != nil {
			t.Fatal(err)
		}
		if body := b.server.Calls()[0].Body; body != nil {
			t.Errorf("body %s kept", body)
		}
	})
}
