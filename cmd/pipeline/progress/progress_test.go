package progress_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/progress"
)

func TestStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := progress.New(&out)
		wait := func(d time.Duration, err error) func() error {
			return func() error { <-time.After(d); return err }
		}
		if err := r.Step("quick", wait(200*time.Millisecond, nil)); err != nil {
			t.Error(err)
		}
		want := errors.New("no luck")
		if err := r.Step("slow", wait(12*time.Second, want)); !errors.Is(err, want) {
			t.Errorf("got %v; want %v", err, want)
		}
		if got := out.String(); got != "quick … 0.2 s\nslow ….. failed after 12.0 s\n" {
			t.Errorf("got %q", got)
		}
	})
}
