package bedrock_test

import (
	"bytes"
	"io"
	"testing"
)

// The budgets of the fast client include the HTTP client's and the response's of the test, about 15.
func TestACallAllocatesLittle(t *testing.T) {
	w := &wire{answer: []byte(`{"output":{"message":{"role":"assistant","content":[{"text":"Hello."}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2}}`)}
	provider := w.provider()
	const budget = 30
	got := testing.AllocsPerRun(200, func() {
		if _, err := provider.Complete(t.Context(), question(east)); err != nil {
			t.Fatal(err)
		}
	})
	if got > budget {
		t.Errorf("%v allocations, want at most %d; the SDK's client makes more than 300", got, budget)
	}
}

func TestAnEventAllocatesItsTextAlone(t *testing.T) {
	for _, raw := range []bool{false, true} {
		stream := real(t, raw)
		one := event(t, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"0123456789"},"p":"abc"}`)
		if raw {
			one = event(t, "chunk", `{"bytes":"eyJ0eXBlIjoiY29udGVudF9ibG9ja19kZWx0YSIsImRlbHRhIjp7InR5cGUiOiJ0ZXh0X2RlbHRhIiwidGV4dCI6IkhpIn19","p":"abc"}`)
		}
		allocations := func(times int) float64 {
			provider := (&wire{answer: append(bytes.Repeat(one, times), stream...)}).provider()
			return testing.AllocsPerRun(20, func() {
				begun, err := provider.Stream(t.Context(), streamed(raw))
				for err == nil {
					_, err = begun.Next()
				}
				if err != io.EOF {
					t.Fatal(err)
				}
				_ = begun.Close()
			})
		}
		each := (allocations(1010) - allocations(10)) / 1000
		if most := 1.05; each > most {
			t.Errorf("passed through: %t: %.2f allocations an event, want at most 1", raw, each)
		}
	}
}
