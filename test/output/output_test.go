package output_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/test/output"
)

func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log output.Log
		go func() {
			for i := range 3 {
				time.Sleep(time.Second)
				_, _ = fmt.Fprintf(&log, "{\"Requests\":%d}\nno JSON, of Requests\n", i)
			}
		}()
		began := time.Now()
		if err := log.UntilSum("Requests", 3); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("after %s got %v", time.Since(began), err)
		}
		if err := log.UntilSum("Requests", 4); err == nil || !strings.Contains(err.Error(), "did not print Requests that add up to 4:\n{\"Requests\":0}") {
			t.Errorf("got %v", err)
		}
		if got := time.Since(began); got != 3*time.Second+output.Patience {
			t.Errorf("it gave up after %s", got)
		}
		if text := log.Take(); output.Sum(text, "Requests") != 3 || log.String() != "" {
			t.Errorf("took %q and left %q", text, log.String())
		}
	})
}
