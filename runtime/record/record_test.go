package record_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func served() *record.Request {
	return &record.Request{
		Start: start, RequestID: "req_1", Surface: "openai", Alias: "haiku", Stream: true, Status: 200,
		Trail:    inference.Trail{Target: inference.Target{Model: "m", Region: "us-east-1"}, Calls: 3, Throttles: 2, Failovers: 1, Fallback: true},
		Usage:    inference.Usage{Input: 10, CacheRead: 20, CacheWrite: 30, Output: 40},
		Cost:     0.25,
		Duration: 1500 * time.Millisecond, Upstream: 1400 * time.Millisecond, Client: 99 * time.Millisecond,
		CostKnown: true, FirstToken: 300 * time.Millisecond,
	}
}

// write returns the one line that a record becomes.
func write(t *testing.T, r *record.Request) map[string]any {
	t.Helper()
	var out bytes.Buffer
	record.NewWriter(&out, "dev", "serverless").Write(r)
	if bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("not one line: %q", out.String())
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	return line
}

// emitted reads a line as CloudWatch does: the metrics its directive lists, with their units and values.
func emitted(t *testing.T, line map[string]any) (values map[string]float64, units map[string]string) {
	t.Helper()
	raw, _ := json.Marshal(line["_aws"])
	var directive struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(raw, &directive); err != nil {
		t.Fatal(err)
	}
	if len(directive.CloudWatchMetrics) != 1 {
		t.Fatalf("got %d directives", len(directive.CloudWatchMetrics))
	}
	d := directive.CloudWatchMetrics[0]
	if d.Namespace != metric.Namespace {
		t.Errorf("namespace %q", d.Namespace)
	}
	if diff := cmp.Diff(metric.DimensionSets(), d.Dimensions); diff != "" {
		t.Error(diff)
	}
	for _, set := range d.Dimensions {
		for _, dimension := range set {
			if value, ok := line[dimension].(string); !ok || value == "" {
				t.Errorf("dimension %s has no value", dimension)
			}
		}
	}
	values, units = map[string]float64{}, map[string]string{}
	for _, m := range d.Metrics {
		value, ok := line[m.Name].(float64)
		if !ok {
			t.Errorf("metric %s has no value", m.Name)
		}
		values[m.Name], units[m.Name] = value, m.Unit
	}
	if want := start.Add(1500 * time.Millisecond).UnixMilli(); directive.Timestamp != want {
		t.Errorf("timestamp %d, want %d", directive.Timestamp, want)
	}
	return values, units
}

func TestServedStreamEmitsEveryMetric(t *testing.T) {
	values, units := emitted(t, write(t, served()))
	want := map[string]float64{
		"Requests": 1, "Errors": 0, "ClientErrors": 0, "Shed": 0, "Limited": 0, "GatewayOverhead": 1, "Throttles": 2, "Retries": 2, "Failovers": 1, "Fallbacks": 1,
		"InferenceLatency": 1400, "Duration": 1500, "TimeToFirstToken": 300, "InputTokens": 10, "CacheReadTokens": 20, "CacheWriteTokens": 30,
		"OutputTokens": 40, "EstimatedCost": 0.25,
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	contract := map[string]string{}
	for _, m := range metric.OfRequests() {
		contract[m.Name] = string(m.Unit)
	}
	delete(contract, metric.ResponseLatency.Name) // the one that no stream has
	if diff := cmp.Diff(contract, units); diff != "" {
		t.Errorf("the contract and what is emitted differ: %s", diff)
	}
}

func TestWhatDoesNotApplyIsAbsent(t *testing.T) {
	tests := []struct {
		name   string
		change func(*record.Request)
		absent []string
		want   map[string]float64
	}{
		{"not a stream", func(r *record.Request) { r.Stream = false }, []string{"TimeToFirstToken"}, map[string]float64{"ResponseLatency": 1500, "Duration": 1500}},
		{"a stream", func(*record.Request) {}, []string{"ResponseLatency"}, nil},
		{"refused without a call, and no stream", func(r *record.Request) { r.Stream, r.Trail = false, inference.Trail{} }, []string{"ResponseLatency"}, nil},
		{"no price", func(r *record.Request) { r.CostKnown = false }, []string{"EstimatedCost"}, nil},
		{"refused before a call", func(r *record.Request) {
			r.Status, r.Code, r.Trail, r.Usage, r.FirstToken = 400, inference.InvalidRequest, inference.Trail{}, inference.Usage{}, 0
		}, []string{"InferenceLatency", "Throttles", "Retries", "Failovers", "Fallbacks", "InputTokens", "OutputTokens", "EstimatedCost", "TimeToFirstToken"},
			map[string]float64{"ClientErrors": 1, "Errors": 0}},
		{"failed", func(r *record.Request) { r.Status, r.Code = 502, inference.Upstream }, nil, map[string]float64{"Errors": 1, "ClientErrors": 0}},
		{"shed", func(r *record.Request) { r.Status, r.Code, r.Shed = 503, inference.Overloaded, true }, nil,
			map[string]float64{"Errors": 1, "Shed": 1, "Limited": 0}},
		{"limited", func(r *record.Request) { r.Status, r.Code, r.Limited = 429, inference.RateLimited, true }, nil,
			map[string]float64{"ClientErrors": 1, "Shed": 0, "Limited": 1}},
		{"caller left", func(r *record.Request) { r.Status, r.Code = 499, inference.Canceled }, nil, map[string]float64{"Errors": 0, "ClientErrors": 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := served()
			tt.change(r)
			values, _ := emitted(t, write(t, r))
			for _, name := range tt.absent {
				if _, there := values[name]; there {
					t.Errorf("%s is emitted", name)
				}
			}
			for name, want := range tt.want {
				if values[name] != want {
					t.Errorf("%s is %v, want %v", name, values[name], want)
				}
			}
		})
	}
}

func TestAccessLine(t *testing.T) {
	r := served()
	r.TraceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	r.Status, r.Code, r.Cause, r.Alias = 502, inference.Upstream, "line\n\"quoted\" \x01 ünï", ""
	line := write(t, r)
	want := map[string]any{
		"time": "2026-11-22T12:00:01.5Z", "level": "ERROR", "msg": "request", "request_id": "req_1", "surface": "openai",
		"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "stream": true, "status": 502.0, "code": "upstream", "cause": "line\n\"quoted\" \x01 ünï", "target_model": "m",
		"target_region": "us-east-1", "calls": 3.0, "duration_ms": 1500.0,
		"Environment": "dev", "Variant": "serverless", "Model": "unknown",
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(want[name], line[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Metrics that belong to no request come without the model.
func TestProgramLine(t *testing.T) {
	var out bytes.Buffer
	record.NewWriter(&out, "dev", "containers").WriteProgram("archive", record.Value{Metric: metric.ArchiveWritten, Value: 7},
		record.Value{Metric: metric.ArchiveLost})
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	stamp := line["_aws"].(map[string]any)["Timestamp"]
	if _, err := time.Parse(time.RFC3339, line["time"].(string)); err != nil || stamp.(float64) < 1e12 {
		t.Errorf("time %v, timestamp %v", line["time"], stamp)
	}
	delete(line, "time")
	want := map[string]any{"level": "INFO", "msg": "archive", "Environment": "dev", "Variant": "containers", "ArchiveWritten": 7.0, "ArchiveLost": 0.0,
		"_aws": map[string]any{"Timestamp": stamp, "CloudWatchMetrics": []any{map[string]any{"Namespace": metric.Namespace,
			"Dimensions": []any{[]any{"Environment", "Variant"}},
			"Metrics":    []any{map[string]any{"Name": "ArchiveWritten", "Unit": "Count"}, map[string]any{"Name": "ArchiveLost", "Unit": "Count"}}}}}}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

func TestUsageLeavesOutWhatIsNotKnown(t *testing.T) {
	r := served()
	r.Usage, r.Trail, r.Alias, r.Stream = inference.Usage{}, inference.Trail{}, "", false
	var line map[string]any
	if err := json.Unmarshal(record.AppendUsage(nil, r, "p", 1), &line); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tenant", "alias", "target_model", "code", "input_tokens", "output_tokens", "cost_usd", "first_token_ms"} {
		if value, there := line[name]; there {
			t.Errorf("%s is %v", name, value)
		}
	}
	if line["calls"] != 0.0 || line["stream"] != false || line["seq"] != 1.0 {
		t.Errorf("the record is %v", line)
	}
}

// A rating's line has its metrics under the dimensions of requests, so that the two can be put side by side.
func TestFeedbackLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*record.Feedback)
		want map[string]any
	}{
		{"up", func(f *record.Feedback) { f.Thumbs = "up" }, map[string]any{"FeedbackUp": 1.0, "FeedbackDown": 0.0}},
		{"down", func(f *record.Feedback) { f.Thumbs, f.Reason = "down", "unsafe" }, map[string]any{"FeedbackUp": 0.0, "FeedbackDown": 1.0, "reason": "unsafe"}},
		{"score", func(f *record.Feedback) { f.Score = 4 }, map[string]any{"FeedbackScore": 4.0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := record.Feedback{Time: start, Answered: start.Add(-time.Minute), RequestID: "req_1", Tenant: "team-a", Auth: "keys", Alias: "haiku"}
			tt.set(&f)
			var out bytes.Buffer
			record.NewWriter(&out, "dev", "containers").WriteFeedback(&f)
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
				t.Fatalf("%v in %q", err, out.String())
			}
			var metrics []any
			for _, m := range metric.OfFeedback() {
				if _, there := line[m.Name]; there {
					metrics = append(metrics, map[string]any{"Name": m.Name, "Unit": string(m.Unit)})
				}
			}
			want := map[string]any{"time": "2026-11-22T12:00:00Z", "level": "INFO", "msg": "feedback", "request_id": "req_1", "tenant": "team-a",
				"auth": "keys", "Environment": "dev", "Variant": "containers", "Model": "haiku",
				"_aws": map[string]any{"Timestamp": float64(start.UnixMilli()), "CloudWatchMetrics": []any{map[string]any{"Namespace": metric.Namespace,
					"Dimensions": []any{[]any{"Environment", "Variant"}, []any{"Environment", "Variant", "Model"}}, "Metrics": metrics}}}}
			maps.Copy(want, tt.want)
			if diff := cmp.Diff(want, line); diff != "" {
				t.Error(diff)
			}
		})
	}
}
