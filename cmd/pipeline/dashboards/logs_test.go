package dashboards_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
)

func TestWhatIsWrongIsAnError(t *testing.T) {
	r, err := dashboards.NewRun(dashboards.Log{Text: strings.NewReader(line(0, "one", object{"Requests": 1}))})
	if err != nil {
		t.Fatal(err)
	}
	for want, widget := range map[string]object{
		`"share" of "w": the expression "a / b" has "a", which is neither`: graph("w", of("Requests", "one", "Sum"), []any{object{"expression": "a / b", "label": "share"}}),
		`the statistic "tm99" is not known`:                                graph("w", of("Requests", "one", "tm99")),
		`"parse @message" is not read here`:                                query("parse @message"),
		`the column "latest(x) as n" is not read here`:                     query("stats latest(x) as n by Model"),
		`there is no column n to sort by`:                                  query("stats count(*) as m by Model | sort n desc"),
	} {
		_, err := dashboards.Page(board(t, widget), nil, r)
		if err == nil || !strings.HasPrefix(err.Error(), "dashboard test-us-east-1: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_, err = dashboards.Of(write(t, object{"widgets": []object{graph("w", []any{".", "Requests"})}}, "us-east-1"))
	if err == nil || !strings.Contains(err.Error(), `widgets[0], "w": . is a shorthand that is not read here`) {
		t.Errorf("got %v", err)
	}
}

func TestLogs(t *testing.T) {
	whole := line(0, "one", object{"Requests": 1})
	for text, want := range map[string]string{
		"":                         "the logs have no metrics",
		`{"msg":"started"}` + "\n": "the logs have no metrics",
		"program says: " + whole + whole[:len(whole)-3]:              "", // which is still being written
		strings.Replace(whole, `"Variant":"one"`, `"Variant":""`, 1): "line 1: the dimension Variant has no value",
		strings.Replace(whole, `"Requests":1`, `"Requests":"1"`, 1):  "line 1: the metric Requests has no value",
	} {
		r, err := dashboards.NewRun(dashboards.Log{Text: strings.NewReader(text)})
		if want == "" && (err != nil || r.Requests() != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestEachRegionShowsItsOwn(t *testing.T) {
	there := graph("There", []any{"GenAI/ARM64", "Requests", "Environment", "test", "Variant", "one", object{"stat": "Sum", "label": "there", "region": "us-west-2"}}, of("Requests", "one", "Sum"))
	r, err := dashboards.NewRun(
		dashboards.Log{Region: "us-east-1", Text: strings.NewReader(line(0, "one", object{"Requests": 1}, "tenant", "a"))},
		dashboards.Log{Region: "us-west-2", Text: strings.NewReader(line(0, "one", object{"Requests": 5}, "tenant", "b"))})
	if err != nil {
		t.Fatal(err)
	}
	page, err := dashboards.Page(board(t, there, query("stats count(*) as n by tenant")), nil, r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]point{"there": {{50, 5}}, "Requests one": {{50, 1}}}, drawn(t, page), near); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(page, "<td>a</td>") || strings.Contains(page, "<td>b</td>") {
		t.Errorf("the table of us-east-1 has other rows: %s", page)
	}
}

func TestServedPagesAreDrawnAnew(t *testing.T) {
	w := graph("<script>", of("Requests", "one", "Sum"))
	all, err := dashboards.Of(write(t, object{"widgets": []object{w}}, "us-east-1", "us-west-2"))
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "program.log")
	h := dashboards.Handler{Dashboards: all, Files: []dashboards.File{{Path: log, Region: "us-east-1"}}}
	ask := func(method, path string) (int, string) {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
		if policy := answer.Header().Get("Content-Security-Policy"); answer.Code == http.StatusOK && policy != dashboards.Policy {
			t.Errorf("%s is served with the policy %q", path, policy)
		}
		return answer.Code, answer.Body.String()
	}
	if code, page := ask("GET", "/"); code != 200 || !strings.Contains(page, `<a href="test-us-west-2.html">test-us-west-2</a>`) {
		t.Errorf("the list is %d %s", code, page)
	}
	if code, page := ask("GET", "/test-us-east-1.html"); code != 503 || !strings.Contains(page, "no such file") {
		t.Errorf("without a log it answers %d %s", code, page)
	}
	for n := 1; n <= 2; n++ {
		if err := os.WriteFile(log, []byte(strings.Repeat(line(0, "one", object{"Requests": 1}), n)), 0o600); err != nil {
			t.Fatal(err)
		}
		code, page := ask("GET", "/test-us-east-1.html")
		if code != 200 || !strings.Contains(page, fmt.Sprintf("Drawn from %d request", n)) || !strings.Contains(page, `<a href="test-us-west-2.html">`) {
			t.Errorf("with %d requests it answers %d %s", n, code, page)
		}
		if strings.Contains(page, "<script>") || !strings.Contains(page, "<h2>&lt;script&gt;</h2>") {
			t.Errorf("the title is taken for HTML: %s", page)
		}
	}
	if code, _ := ask("GET", "/other.html"); code != 404 {
		t.Errorf("another page answers %d", code)
	}
	if code, _ := ask("POST", "/"); code != 405 {
		t.Errorf("a POST answers %d", code)
	}
}
