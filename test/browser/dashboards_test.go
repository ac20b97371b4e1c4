package browser_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// targets are the lines that the design asks for, in ms, by the title of their widget.
var targets = map[string]float64{
	"API response, not streamed, p95":              2000,
	"First token of a stream, p95":                 2000,
	"Cold start of the program, the slowest":       1000,
	"Calls of Bedrock, to the last token, p95":     1500,
	"End to end, streams to their last token, p95": 3000,
}

func TestDashboardsInABrowser(t *testing.T) {
	chromium(t) // before anything is started
	s, err := once()
	if err != nil {
		t.Fatal(err)
	}
	checkLoad(t, s.asked)
	if len(s.dashboards) != 7 {
		t.Errorf("there are %d dashboards; want three of each Region, and one across them", len(s.dashboards))
	}
	at := newScreen(t, s)
	for _, d := range s.dashboards {
		t.Run(d.Name, func(t *testing.T) {
			p := at.open(t, d.Name)
			checkFrame(t, s, d, p)
			checkWidgets(t, d.Choose(nil), p)
			if strings.HasSuffix(d.Name, "-performance") {
				checkDesign(t, p)
				checkChoices(t, at, d, p)
			}
			at.picture(t, d)
		})
	}
	at.check(t)
}

// checkLoad holds that the run was one that fills the dashboards.
func checkLoad(t *testing.T, asked *tally) {
	t.Helper()
	t.Logf("%d requests ended with %v, and %d were rated", asked.Requests, asked.Statuses, asked.Ratings)
	for _, status := range []int{200, 400, 429, 502} {
		if asked.Statuses[status] == 0 {
			t.Errorf("no request ended with %d: %v", status, asked.Statuses)
		}
	}
	if asked.Requests < 300 || asked.Statuses[200] < asked.Requests*3/4 || asked.Ratings < 100 {
		t.Errorf("%d requests ended with %v, and %d were rated", asked.Requests, asked.Statuses, asked.Ratings)
	}
}

// checkFrame holds what is around the widgets.
func checkFrame(t *testing.T, s *shown, d dashboards.Dashboard, p page) {
	t.Helper()
	if p.Title != d.Name || p.Heading != d.Name {
		t.Errorf("the page is called %q and %q", p.Title, p.Heading)
	}
	if says := fmt.Sprintf("Drawn from %d requests of a local run", s.asked.Requests); !strings.HasPrefix(p.Intro, says) {
		t.Errorf("the page says %q, want %q", p.Intro, says)
	}
	var others []string
	for _, other := range s.dashboards {
		if other.Name != d.Name {
			others = append(others, other.Name)
		}
	}
	if !slices.Equal(p.Links, others) {
		t.Errorf("it links to %q, want %q", p.Links, others)
	}
	var choices []choice
	for _, v := range d.Variables {
		choices = append(choices, choice{v.Label, v.Default, v.Values})
	}
	if diff := cmp.Diff(choices, p.Choices); diff != "" && len(choices)+len(p.Choices) > 0 {
		t.Errorf("the choices: %s", diff)
	}
}

// checkWidgets holds each widget of a page against that of the template.
func checkWidgets(t *testing.T, d dashboards.Dashboard, p page) {
	t.Helper()
	if len(p.Widgets) != len(d.Widgets) {
		t.Fatalf("%d widgets are to see; the template has %d", len(p.Widgets), len(d.Widgets))
	}
	origin := p.Widgets[0].Box
	for i, w := range d.Widgets {
		seen := p.Widgets[i]
		name := fmt.Sprintf("widget %d, %q", i, w.Title+w.Text)
		unit := (origin.Right - origin.Left + 6) / float64(d.Widgets[0].Width) // of the grid, in pixels
		if x, y := (seen.Box.Left-origin.Left)/unit, (seen.Box.Top-origin.Top)/unit; math.Abs(x-float64(w.X)) > 0.1 || math.Abs(y-float64(w.Y)) > 0.1 {
			t.Errorf("%s is at %.1f, %.1f; the template says %d, %d", name, x, y, w.X, w.Y)
		}
		if seen.Kind != w.Type || w.Type != "text" && seen.Title != w.Title {
			t.Errorf("%s is shown as %s %q", name, seen.Kind, seen.Title)
		}
		checkContent(t, name, w, seen)
		checkTargets(t, name, w, seen)
		checkLayout(t, name, seen)
	}
}

// checkContent holds that there is something to see, or why there is nothing.
func checkContent(t *testing.T, name string, w dashboards.Widget, seen widget) {
	t.Helper()
	switch {
	case w.Type == "text":
		if text := strings.TrimSpace(strings.TrimLeft(w.Text, "#")); len(seen.Texts) != 1 || seen.Texts[0].Text != text {
			t.Errorf("%s says %v", name, seen.Texts)
		}
	case w.Type == "log" && !strings.Contains(w.Text, "platform.report"):
		if len(seen.Rows) < 3 || slices.Contains(slices.Concat(seen.Rows...), "") {
			t.Errorf("%s has the rows %q", name, seen.Rows)
		}
	case w.Type == "metric" && ours(w):
		checkLines(t, name, w, seen)
	case w.Type == "metric" && w.View == "singleValue": // of AWS's own, with what stands in for them
		checkNumbers(t, name, w, seen)
	case !strings.HasPrefix(seen.Why, "No data: only ") || len(seen.Lines) > 0:
		t.Errorf("%s says %q, and has %d lines", name, seen.Why, len(seen.Lines))
	}
}

// ours tells whether a widget shows what the programs print.
func ours(w dashboards.Widget) bool {
	return slices.ContainsFunc(w.Lines, func(l dashboards.Line) bool { return l.Metric.Namespace == metric.Namespace })
}

// checkLines holds that every line is drawn, in a colour of its own: the load has something for each but what is never
// lost.
func checkLines(t *testing.T, name string, w dashboards.Widget, seen widget) {
	t.Helper()
	if w.View == "singleValue" {
		checkNumbers(t, name, w, seen)
		return
	}
	var legend, labels []string
	colours := map[string]bool{}
	for _, l := range w.Lines {
		switch {
		case l.Hidden:
		case l.Metric.Name == metric.LogLost.Name:
			legend = append(legend, l.Label+": no data")
		default:
			legend, labels = append(legend, l.Label), append(labels, l.Label)
		}
	}
	if !slices.Equal(seen.Legend, legend) {
		t.Errorf("%s has the legend %q, want %q", name, seen.Legend, legend)
	}
	var got []string
	for _, l := range seen.Lines {
		got = append(got, l.Label)
		colours[l.Colour] = true
		if l.Length <= 0 || l.Colour == "none" || !l.Box.within(seen.Plot, 3) {
			t.Errorf("%s: the line %q is not to see: %+v in %+v", name, l.Label, l, seen.Plot)
		}
	}
	if !slices.Equal(got, labels) || len(colours) != len(labels) {
		t.Errorf("%s has the lines %q in %d colours, want %q", name, got, len(colours), labels)
	}
}

func checkNumbers(t *testing.T, name string, w dashboards.Widget, seen widget) {
	t.Helper()
	var labels []string
	for _, l := range w.Lines {
		if !l.Hidden {
			labels = append(labels, l.Label)
		}
	}
	var got []string
	for _, n := range seen.Numbers {
		value, label, _ := strings.Cut(n, "\n")
		if number, err := figure(value); err != nil || number <= 0 {
			t.Errorf("%s has %q as %q", name, label, value)
		}
		got = append(got, label)
	}
	if !slices.Equal(got, labels) {
		t.Errorf("%s has figures of %q, want %q", name, got, labels)
	}
}

// figure is a number as a page writes it.
func figure(text string) (float64, error) {
	return strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
}

// value is that of a height beside the marks of the axis.
func (w widget) value(t *testing.T, height float64) float64 {
	t.Helper()
	if len(w.Ticks) < 2 {
		t.Fatalf("%q has no marks", w.Title)
	}
	low, high := w.Ticks[0], w.Ticks[len(w.Ticks)-1]
	from, err := figure(low.Text)
	to, otherErr := figure(high.Text)
	if err != nil || otherErr != nil {
		t.Fatalf("%q has marks from %q to %q", w.Title, low.Text, high.Text)
	}
	return from + (to-from)*(low.Box.middle()-height)/(low.Box.middle()-high.Box.middle())
}

// checkTargets holds that each is drawn across the chart at its value, with what it says just above.
func checkTargets(t *testing.T, name string, w dashboards.Widget, seen widget) {
	t.Helper()
	if !ours(w) && len(seen.Targets) == 0 {
		return // there is no chart to draw it in
	}
	if len(seen.Targets) != len(w.Targets) || len(seen.Says) != len(w.Targets) {
		t.Errorf("%s has %d targets with %d texts, want %d", name, len(seen.Targets), len(seen.Says), len(w.Targets))
		return
	}
	for i, want := range w.Targets {
		line, says := seen.Targets[i], seen.Says[i]
		if got := seen.value(t, line.Box.middle()); math.Abs(got-want.Value) > want.Value/100 {
			t.Errorf("%s has the target at %.1f, want %.1f", name, got, want.Value)
		}
		if math.Abs(line.Box.Left-seen.Plot.Left)+math.Abs(line.Box.Right-seen.Plot.Right) > 4 || line.Colour == "none" {
			t.Errorf("%s: the target is not drawn from side to side: %+v in %+v", name, line, seen.Plot)
		}
		if says.Text != want.Label || says.Box.Bottom > line.Box.middle() || says.Box.Bottom < line.Box.middle()-10 {
			t.Errorf("%s: at the target stands %q, want %q", name, says.Text, want.Label)
		}
	}
}

// checkDesign holds the targets of the design, whatever the template says.
func checkDesign(t *testing.T, p page) {
	t.Helper()
	for title, want := range targets {
		i := slices.IndexFunc(p.Widgets, func(w widget) bool { return w.Title == title })
		if i < 0 || len(p.Widgets[i].Targets) != 1 {
			t.Errorf("no widget %q has one target", title)
			continue
		}
		if got := p.Widgets[i].value(t, p.Widgets[i].Targets[0].Box.middle()); math.Abs(got-want) > want/100 {
			t.Errorf("%q has its target at %.0f ms, want %.0f", title, got, want)
		}
	}
}

// checkChoices chooses the last model and the next variant, and holds that just what is of them changes.
func checkChoices(t *testing.T, at *screen, d dashboards.Dashboard, before page) {
	t.Helper()
	values := map[string]string{}
	for i, v := range slices.Backward(d.Variables) {
		values[v.Pattern] = v.Values[1]
		after := at.choose(t, i, 1)
		if got := after.Choices[i].Value; got != v.Values[1] {
			t.Fatalf("%s is %q, want %q", v.Label, got, v.Values[1])
		}
		checkWidgets(t, d.Choose(values), after)
		changed := 0
		for j, w := range d.Widgets {
			same := cmp.Equal(before.Widgets[j], after.Widgets[j])
			if names := strings.Contains(fmt.Sprint(w), v.Pattern); names == same {
				t.Errorf("with %s %s, widget %q is the same as before: %t", v.Label, v.Values[1], w.Title+w.Text, same)
			} else if names && len(w.Lines) > 0 {
				changed++
			}
		}
		if changed == 0 {
			t.Errorf("with %s %s no line is another", v.Label, v.Values[1])
		}
		before = after
	}
}

// checkLayout holds that all of a widget can be read.
func checkLayout(t *testing.T, name string, seen widget) {
	t.Helper()
	if seen.Hidden {
		t.Errorf("%s has more in it than fits", name)
	}
	for i, a := range seen.Texts {
		if !a.Box.within(seen.Box, 0) || a.Box.Right <= a.Box.Left {
			t.Errorf("%s: %q is not inside", name, a.Text)
		}
		for _, b := range seen.Texts[:i] {
			if min(a.Box.Right, b.Box.Right)-max(a.Box.Left, b.Box.Left) > 1 && min(a.Box.Bottom, b.Box.Bottom)-max(a.Box.Top, b.Box.Top) > 1 {
				t.Errorf("%s: %q is written over %q", name, a.Text, b.Text)
			}
		}
	}
}

func (b box) middle() float64 { return (b.Top + b.Bottom) / 2 }

// within tells whether a box is in another, or no more than so many pixels beside it.
func (b box) within(other box, beside float64) bool {
	return b.Left >= other.Left-beside && b.Right <= other.Right+beside && b.Top >= other.Top-beside && b.Bottom <= other.Bottom+beside
}
