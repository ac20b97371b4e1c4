package bedrock_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// firstByte is how long a stream may say nothing in these tests.
const firstByte = 20 * time.Second

// silences are the ways to accept a call and say nothing for ten times as long.
var silences = map[string]bedrocktest.Fault{
	"nothing at all":       {Kind: bedrocktest.Throttle, Delay: 10 * firstByte}, // which would be told then
	"headers and no event": {Kind: bedrocktest.Silence, AfterEvents: -1, Delay: 10 * firstByte},
}

// readOut reads a stream to its end.
func readOut(stream inference.Stream) error {
	for {
		if _, err := stream.Next(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return errors.Join(err, stream.Close())
		}
	}
}

func TestASilentStreamGoesElsewhere(t *testing.T) {
	for name, fault := range silences {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(t *testing.T, w *world) {
				w.bedrock.Script(fault)
				request := question(east, west)
				began := time.Now()
				stream, err := w.provider.Stream(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < firstByte || took > firstByte+time.Second {
					t.Errorf("it began after %s, want %s", took, firstByte)
				}
				if err := readOut(stream); err != nil {
					t.Error(err)
				}
				if trail := request.Trail; trail.Target != west || trail.Calls != 2 || trail.Failovers != 1 || trail.Throttles != 0 || !trail.Fallback {
					t.Errorf("trail %+v", trail)
				}
				synctest.Wait()
				if calls := w.bedrock.Calls(); !calls[0].Canceled || calls[1].Canceled {
					t.Errorf("calls %+v; the silent one must be given up, and no other", calls)
				}
			})
		})
	}
}

// There is no use in asking again where nothing was said.
func TestASilentStreamWithoutAnotherTargetFails(t *testing.T) {
	for name, fault := range silences {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(t *testing.T, w *world) {
				for _, targets := range [][]inference.Target{{east}, {east, west}} {
					w.bedrock.Reset()
					w.bedrock.Script(fault, fault)
					request := question(targets...)
					began := time.Now()
					_, err := w.provider.Stream(t.Context(), request)
					if failure := inference.AsError(err); err == nil || failure.Code != inference.Timeout {
						t.Fatalf("got %v, want a %s", err, inference.Timeout)
					}
					want := firstByte * time.Duration(len(targets))
					if took := time.Since(began); took < want || took > want+time.Second || request.Trail.Calls != len(targets) {
						t.Errorf("%d calls took %s, want %d and %s", request.Trail.Calls, took, len(targets), want)
					}
				}
			})
		})
	}
}

// What has begun may take its time, and so may a whole answer.
func TestWhatIsNotSilentIsLeftAlone(t *testing.T) {
	for name, after := range map[string]int{"before the first token": 0, "within the answer": 1} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, func(t *testing.T, w *world) {
				w.bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: after, Delay: 10 * firstByte})
				began := time.Now()
				stream, err := w.provider.Stream(t.Context(), question(east))
				if err == nil {
					err = readOut(stream)
				}
				if err != nil || time.Since(began) < 10*firstByte {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
			})
		})
	}
	t.Run("a whole answer", func(t *testing.T) {
		inWorld(t, 1, func(t *testing.T, w *world) {
			w.bedrock.Script(bedrocktest.Fault{Kind: bedrocktest.Silence, Delay: 10 * firstByte})
			began := time.Now()
			if failure := w.ask(t.Context(), t, question(east)); failure != nil || time.Since(began) < 10*firstByte {
				t.Errorf("after %s: %v", time.Since(began), failure)
			}
		})
	})
}
