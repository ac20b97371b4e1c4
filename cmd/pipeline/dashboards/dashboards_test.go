package dashboards_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly/assemblytest"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
)

// object is one of JSON.
type object = map[string]any

// graph is a widget of lines.
func graph(title string, lines ...[]any) object {
	return object{"type": "metric", "x": 0, "y": 0, "width": 8, "height": 6, "properties": object{
		"title": title, "view": "timeSeries", "region": "us-east-1", "metrics": lines, "yAxis": object{"left": object{"label": "calls an hour"}}}}
}

// of is a line of a metric of ours.
func of(name, variant, statistic string, further ...any) []any {
	options := object{"stat": statistic, "label": name + " " + variant, "period": 60}
	for i := 0; i < len(further); i += 2 {
		options[further[i].(string)] = further[i+1]
	}
	return []any{"GenAI/ARM64", name, "Environment", "test", "Variant", variant, options}
}

// write makes an assembly with one dashboard in each Region, which has the widgets.
func write(t *testing.T, body object, regions ...string) *assembly.Assembly {
	t.Helper()
	dir := t.TempDir()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var stacks []assemblytest.Stack
	for _, region := range regions {
		stacks = append(stacks, assemblytest.Stack{ID: "test-" + region + "-watch", Region: region, Template: object{"Resources": object{
			"Board": object{"Type": "AWS::CloudWatch::Dashboard", "Properties": object{"DashboardName": "test-" + region, "DashboardBody": string(text)}}}}})
	}
	assemblytest.Write(t, dir, stacks...)
	a, err := assembly.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// board is a dashboard with widgets, as it is read from a template.
func board(t *testing.T, widgets ...object) dashboards.Dashboard {
	t.Helper()
	all, err := dashboards.Of(write(t, object{"widgets": widgets}, "us-east-1"))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d dashboards, %v", len(all), err)
	}
	return all[0]
}

// began is when the runs of the tests do.
var began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// line is one of a log, with metrics of a variant and a model, so long after the beginning.
func line(after time.Duration, variant string, values object, further ...any) string {
	l := object{"msg": "request", "Environment": "test", "Variant": variant, "Model": "haiku"}
	var metrics []object
	for name, value := range values {
		l[name] = value
		metrics = append(metrics, object{"Name": name, "Unit": "Count"})
	}
	for i := 0; i < len(further); i += 2 {
		l[further[i].(string)] = further[i+1]
	}
	l["_aws"] = object{"Timestamp": began.Add(after).UnixMilli(), "CloudWatchMetrics": []object{{"Namespace": "GenAI/ARM64",
		"Dimensions": [][]string{{"Environment", "Variant"}, {"Environment", "Variant", "Model"}}, "Metrics": metrics}}}
	text, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return string(text) + "\n"
}

// draw is the page of a dashboard from a log of us-east-1.
func draw(t *testing.T, d dashboards.Dashboard, lines ...string) string {
	t.Helper()
	r, err := dashboards.NewRun(dashboards.Log{Region: "us-east-1", Text: strings.NewReader(strings.Join(lines, ""))})
	if err != nil {
		t.Fatal(err)
	}
	page, err := dashboards.Page(d, nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// point is a place in a chart: percent of its width, and the value of its height by the marks beside it.
type point struct{ X, Value float64 }

var (
	tickForm = regexp.MustCompile(`<span class="tick" style="top:([\d.]+)%">([\d.,]+)</span>`)
	pathForm = regexp.MustCompile(`<path class="(line|target)"[^>]* d="M([^"]+)"/?>(?:<title>([^<]+)</title>)?`)
)

// drawn reads the lines of the only chart in a page by their labels; targets have none, and are of two points.
func drawn(t *testing.T, page string) map[string][]point {
	t.Helper()
	marks := tickForm.FindAllStringSubmatch(page, -1)
	if len(marks) < 2 || marks[0][1] != "100.00" || marks[0][2] != "0" || marks[len(marks)-1][1] != "0.00" {
		t.Fatalf("the marks are %v: %s", marks, page)
	}
	top := number(t, strings.ReplaceAll(marks[len(marks)-1][2], ",", ""))
	read := map[string][]point{}
	for _, path := range pathForm.FindAllStringSubmatch(page, -1) {
		var points []point
		for _, at := range strings.FieldsFunc(path[2], func(r rune) bool { return r == 'L' || r == 'h' || r == 'H' }) {
			if x, y, ok := strings.Cut(at, " "); ok {
				points = append(points, point{number(t, x), top * (1 - number(t, y)/100)})
			}
		}
		read[path[3]] = append(read[path[3]], points...)
	}
	return read
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

var (
	near = cmpopts.EquateApprox(0, 0.05)
	secs = func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
)

func TestLinesAreWhereTheirValuesAre(t *testing.T) {
	lines := []string{
		line(0, "one", object{"Requests": 1, "Duration": 10}), line(secs(0.5), "one", object{"Requests": 1, "Duration": 30}),
		line(secs(2.2), "one", object{"Requests": 1, "Duration": 40}), line(secs(3.9), "two", object{"Requests": 1, "Duration": 90}),
	}
	got := drawn(t, draw(t, board(t, graph("Mixed", of("Requests", "one", "Sum"), of("Duration", "one", "Average"), of("Duration", "one", "Maximum"), of("Duration", "two", "p95"))), lines...))
	want := map[string][]point{
		"Requests one": {{12.5, 2}, {62.5, 1}}, // nothing in the second of four seconds
		"Duration one": {{12.5, 20}, {62.5, 40}, {12.5, 30}, {62.5, 40}},
		"Duration two": {{87.5, 90}},
	}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Error(diff)
	}
}

func TestPointsAreOfWholeSecondsAndAtMostForty(t *testing.T) {
	for last, want := range map[time.Duration]struct{ period, end, sum string }{
		secs(0):        {"1s", "1s", "2"},
		secs(39.9):     {"1s", "40s", "1"},
		secs(90):       {"3s", "1m33s", "1"},
		10 * time.Hour: {"15m1s", "10h0m40s", "1"},
	} {
		page := draw(t, board(t, graph("Calls an hour", of("Requests", "one", "Sum"))), line(0, "one", object{"Requests": 1}), line(last, "one", object{"Requests": 1}))
		for _, says := range []string{
			"A point is " + want.period + " here, a minute or more in CloudWatch.", `<div class="unit">calls in ` + want.period + `</div>`,
			`<span>0s</span><span>` + want.end + `</span>`, "Drawn from 2 requests of a local run that began at 2026-11-23 12:00:00 UTC.",
		} {
			if !strings.Contains(page, says) {
				t.Errorf("a run of %s: the page lacks %s", last, says)
			}
		}
		points := drawn(t, page)["Requests one"]
		if len(points) == 0 || len(points) > 40 || fmt.Sprint(points[0].Value) != want.sum {
			t.Errorf("a run of %s: got %v", last, points)
		}
	}
}

func TestExpressionsAreOverWhatTheirWidgetHides(t *testing.T) {
	share := []any{object{"expression": "IF(all > 0, 100 * bad / all, 0)", "label": "share", "period": 60}}
	hidden := []any{"visible", false}
	d := board(t, graph("Errors", share, of("Errors", "one", "Sum", append(hidden, "id", "bad")...), of("Requests", "one", "Sum", append(hidden, "id", "all")...)))
	page := draw(t, d, line(0, "one", object{"Requests": 1, "Errors": 0}), line(secs(1), "one", object{"Requests": 1, "Errors": 1}), line(secs(1.2), "one", object{"Requests": 1, "Errors": 0}))
	if diff := cmp.Diff(map[string][]point{"share": {{25, 0}, {75, 50}}}, drawn(t, page), near); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(page, `<div class="unit">calls an hour</div>`) || strings.Contains(page, "Requests one") {
		t.Errorf("a share is of no time, and what is hidden stands nowhere: %s", page)
	}
}

func TestTargetsAreAtTheirValues(t *testing.T) {
	for _, value := range []float64{1, 99, 1500, 2000, 3000} {
		w := graph("Latency", of("Duration", "one", "p95"))
		w["properties"].(object)["annotations"] = object{"horizontal": []object{{"value": value, "label": "target"}}}
		page := draw(t, board(t, w), line(0, "one", object{"Duration": 70}))
		got := drawn(t, page)
		if targets := got[""]; len(targets) != 1 || cmp.Diff(value, targets[0].Value, cmpopts.EquateApprox(0.001, 0)) != "" {
			t.Errorf("the target %v is drawn at %v", value, targets)
		}
		if got := got["Duration one"]; len(got) != 1 || cmp.Diff(70.0, got[0].Value, cmpopts.EquateApprox(0.01, 0.5)) != "" {
			t.Errorf("beside the target %v the line is at %v", value, got)
		}
		if !strings.Contains(page, `">target</span>`) {
			t.Errorf("the target %v has no label", value)
		}
	}
}

func TestNumbersAreOverTheWholeTime(t *testing.T) {
	w := graph("Costs", of("EstimatedCost", "one", "Sum"), of("Requests", "one", "Sum"), of("Requests", "two", "Sum"), of("Duration", "one", "Average"))
	w["properties"].(object)["view"] = "singleValue"
	page := draw(t, board(t, w), line(0, "one", object{"EstimatedCost": 0.0000011, "Requests": 600_000, "Duration": 1.5}),
		line(secs(50), "one", object{"EstimatedCost": 0.0000021, "Requests": 700_000, "Duration": -7000}))
	for _, says := range []string{"<b>0.0000032</b>EstimatedCost one", "<b>1,300,000</b>Requests one", "<b>–</b>Requests two", "<b>-3,499</b>Duration one"} {
		if !strings.Contains(page, says) {
			t.Errorf("the page lacks %s: %s", says, page)
		}
	}
}

func TestVariablesChooseWhatIsShown(t *testing.T) {
	chosen := graph("Of Chosen", of("Requests", "Chosen", "Sum"))
	body := object{"widgets": []object{chosen, graph("Of all", of("Requests", "one", "Sum"))}, "variables": []object{
		{"label": "Variant", "pattern": "Chosen", "defaultValue": "two", "values": []object{{"value": "one"}, {"value": "two"}}}}}
	all, err := dashboards.Of(write(t, body, "us-east-1"))
	if err != nil {
		t.Fatal(err)
	}
	page := draw(t, all[0], line(0, "one", object{"Requests": 1}), line(0, "two", object{"Requests": 3}))
	for text, times := range map[string]int{
		`<label>Variant<select id="choice0"><option>one</option><option selected>two</option></select></label>`: 1,
		`<div class="choice" data-choice0="1"><h2>Of one</h2>`:                                                  1,
		`<div class="choice" data-choice0="2"><h2>Of two</h2>`:                                                  1,
		`<title>Requests two</title>`:                                                                           1,
		`<h2>Of all</h2>`:                                                                                       1,
		`body:has(#choice0>option:nth-child(2):checked) [data-choice0]:not([data-choice0="2"]){display:none}`:   1,
		"Chosen":  0,
		"<script": 0,
	} {
		if got := strings.Count(page, text); got != times {
			t.Errorf("the page has %s %d times, want %d", text, got, times)
		}
	}
}

func TestWhatIsNotDrawnSaysWhy(t *testing.T) {
	for name, tt := range map[string]struct {
		widget object
		want   string
	}{
		"unknown":     {graph("w", of("Requests", "two", "Sum"), of("Request", "one", "Sum")), "No data: no program knows a metric Request; the programs have printed no Requests of two yet."},
		"of AWS":      {graph("w", []any{"AWS/ECS", "CPUUtilization", "ClusterName", "c", object{"stat": "Average"}}), "No data: only AWS counts AWS/ECS CPUUtilization."},
		"one of two":  {graph("w", of("Requests", "one", "Sum"), of("Requests", "two", "Sum")), `<li class="none">Requests two: no data</li>`},
		"alarms":      {object{"type": "alarm", "properties": object{"title": "w", "alarms": []string{"a", "b"}}}, "No data: only CloudWatch knows the state of the 2 alarms that it shows here."},
		"no line":     {graph("w"), "No data: it shows no metric."},
		"no such row": {query(`filter msg = "feedback" | stats count(*) as n by Model`), "No data: the programs have printed no such line yet."},
		"Lambda's":    {query(`filter type = "platform.report" | stats count(*) as n by Model`), "No data: only Lambda writes these lines."},
		"stand-in":    {graph("w", []any{"AWS/Lambda", "Invocations", "FunctionName", "f", object{"stat": "Sum"}}), "From what the programs printed: AWS counts this itself."},
	} {
		page := draw(t, board(t, tt.widget), line(0, "one", object{"Requests": 1}), line(0, "serverless", object{"Requests": 1}))
		if !strings.Contains(page, tt.want) {
			t.Errorf("%s: the page lacks %q: %s", name, tt.want, page)
		}
	}
}

func query(text string) object {
	return object{"type": "log", "x": 0, "y": 0, "width": 12, "height": 6, "properties": object{"title": "Rows", "region": "us-east-1", "query": "SOURCE 'a' | " + text}}
}

func TestTables(t *testing.T) {
	lines := []string{
		line(0, "one", object{"EstimatedCost": 0.25}, "tenant", "a<b"), line(0, "one", object{"EstimatedCost": 1500.5}, "tenant", "c"),
		line(0, "one", object{"EstimatedCost": 0.5}, "tenant", "a<b"), line(0, "one", object{"Requests": 1}, "tenant", "d"),
		line(0, "one", object{"EstimatedCost": 9000}, "tenant", "e", "msg", "other"),
	}
	page := draw(t, board(t, query(`filter msg = "request" | stats sum(EstimatedCost) as usd, count(*) as n by tenant | sort usd desc | limit 3`)), lines...)
	_, table, _ := strings.Cut(page, "<table>")
	table, _, _ = strings.Cut(table, "</table>")
	got := regexp.MustCompile(`<t[dh][^>]*>([^<]*)`).FindAllStringSubmatch(table, -1)
	var cells []string
	for _, c := range got {
		cells = append(cells, c[1])
	}
	if want := []string{"tenant", "usd", "n", "c", "1,500", "1", "a&lt;b", "0.75", "2", "d", "–", "1"}; !slices.Equal(cells, want) {
		t.Errorf("got %q, want %q", cells, want)
	}
}
