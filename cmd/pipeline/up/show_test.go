package up_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
)

// open is the real server's environment where anybody may call.
func open() map[string]any {
	variables := keyed("")
	delete(variables, "GENAI_AUTH_SECRET")
	variables["GENAI_AUTH"], variables["GENAI_AUTH_OFF_REASON"] = "off", "only a test calls it"
	return variables
}

// shown is the template of a dashboard with one widget of a line.
func shown(t *testing.T, line ...any) any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"widgets": []any{map[string]any{"type": "metric", "width": 8, "height": 6, "properties": map[string]any{
		"title": "Requests", "view": "timeSeries", "region": "us-east-1", "metrics": []any{line}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"Resources": map[string]any{"Board": map[string]any{"Type": "AWS::CloudWatch::Dashboard",
		"Properties": map[string]any{"DashboardName": "test-board", "DashboardBody": string(body)}}}}
}

// requests is a line that a program prints.
var requests = []any{"GenAI/ARM64", "Requests", "Environment", "test", "Variant", "containers", map[string]any{"stat": "Sum", "label": "of containers"}}

func TestDashboardsAreServedBesideTheVariants(t *testing.T) {
	o := running(t, map[string]any{"containers": task("./runtime/cmd/server", open()), "watch": shown(t, requests...)})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	ready := make(chan struct{})
	out := &cancelAt{text: "Ctrl-C stops it.", cancel: sync.OnceFunc(func() { close(ready) })}
	ended := make(chan error, 1)
	go func() { ended <- up.Run(ctx, o, out) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("%v\n%s", err, out)
	}
	urls := regexp.MustCompile(`http://127\.0\.0\.1:\d+\n`).FindAllString(out.String(), -1)
	if len(urls) != 3 || !strings.Contains(out.String(), "\ndashboards ") {
		t.Fatalf("the table has no three URLs:\n%s", out)
	}
	program, board := strings.TrimSpace(urls[0]), strings.TrimSpace(urls[2])
	if list := get(ctx, board); !strings.Contains(list, `<a href="test-board.html">`) {
		t.Errorf("the list is %s", list)
	}
	if page := get(ctx, board+"/test-board.html"); !strings.Contains(page, "Drawn from 0 requests") {
		t.Errorf("before any request: %s", page)
	}
	response, err := http.Post(program+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"haiku","messages":[{"role":"user","content":"Hello."}]}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	page := "" // the line is in the log soon after the answer
	for ctx.Err() == nil && !strings.Contains(page, "<title>of containers</title>") {
		page = get(ctx, board+"/test-board.html")
	}
	if !strings.Contains(page, "Drawn from 1 request of") {
		t.Errorf("after a request: %s", page)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// get is what is answered, or why nothing is.
func get(ctx context.Context, url string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return fmt.Sprint(string(body), err)
}

func TestOnceLooksAtTheDashboards(t *testing.T) {
	for _, tt := range []struct {
		line []any
		want string // in the error
	}{
		{requests, ""},
		{[]any{"GenAI/ARM64", "Requests", "Environment", "test", "Variant", "containers", map[string]any{"stat": "tm99"}},
			`/test-board.html: answered 503 Service Unavailable: dashboard test-board: "Requests" of "Requests": Requests: the statistic "tm99" is not known`},
	} {
		o := running(t, map[string]any{"containers": task("./runtime/cmd/server", open()), "watch": shown(t, tt.line...)})
		o.Once = true
		var out bytes.Buffer
		err := up.Run(t.Context(), o, &out)
		if tt.want == "" && (err != nil || !strings.Contains(out.String(), "/test-board.html is drawn: 1 widgets\n")) {
			t.Errorf("got %v\n%s", err, &out)
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
