package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one line of the table: what was measured of each program, one value a round.
type row struct {
	name                 string
	product, bare, proxy []float64
	goal                 goal
}

// goal is what the ratio of the product to the bare handler must reach. The zero value is none.
type goal struct {
	bar, stretch float64
	atLeast      bool // more is better
}

func (g goal) exists() bool { return g.bar > 0 }

// met says how far a ratio has come.
func (g goal) met(ratio float64) string {
	reached := func(limit float64) bool { return ratio <= limit == !g.atLeast || ratio == limit }
	switch {
	case !g.exists():
		return ""
	case reached(g.stretch):
		return "stretch"
	case reached(g.bar):
		return "met"
	}
	return "**missed**"
}

func (g goal) String() string {
	sign := "≤"
	if g.atLeast {
		sign = "≥"
	}
	if !g.exists() {
		return " | "
	}
	return fmt.Sprintf("%s %.2f | %s %.2f", sign, g.bar, sign, g.stretch)
}

// ratio compares medians.
func (r row) ratio() float64 { return summarize(r.product).median / summarize(r.bare).median }

// goals are those of the rows that have one, by the name's part before the surface.
var goals = map[string]goal{
	rowJSONCPU + "Messages":         {0.60, 0.40, false},
	rowJSONCPU + "Chat Completions": {0.55, 0.40, false},
	rowStreamCPU:                    {0.30, 0.18, false},
	rowSlow:                         {0.70, 0.60, false},
	rowFirst50:                      {1.0, 0.6, false},
	rowFirst99:                      {1.0, 0.6, false},
	rowReady:                        {1.3, 1.0, false},
	rowLambdaReady:                  {1.3, 1.0, false},
	rowJSONRate:                     {1.6, 2.2, true},
}

// rowLambdaReady is the row of the Lambda programs that has a goal.
const rowLambdaReady = "start to ready, Lambda, ms"

// serverRows are the rows of the servers in the order in which they are shown.
func serverRows(list []*contender) []row {
	var rows []row
	add := func(name string, g goal) {
		r := row{name: name, goal: g, product: list[0].rows[name], bare: list[1].rows[name], proxy: list[2].rows[name]}
		if len(r.bare) > 0 && summarize(r.bare).median != 0 { // known on this system
			rows = append(rows, r)
		}
	}
	for _, name := range []string{rowJSONCPU, rowStreamCPU, rowJSONRate, rowStreamRate, rowFirst50, rowFirst99, rowSlow, rowIdle, rowReady} {
		if !ofSurface(name) {
			add(name, goals[name])
			continue
		}
		for _, surface := range surfaces {
			g, own := goals[name+surface]
			if !own {
				g = goals[name]
			}
			add(name+surface, g)
		}
	}
	return rows
}

// rowFailed is for answers that came cut short or not at all.
const rowFailed = "failed, of a million"

// failedRow counts what went wrong in all rounds together.
func failedRow(list []*contender) row {
	part := func(c *contender) []float64 { return []float64{float64(c.failed) * 1e6 / float64(c.asked)} }
	return row{name: rowFailed, product: part(list[0]), bare: part(list[1]), proxy: part(list[2])}
}

// lambdaRows are the rows of the Lambda programs.
func lambdaRows(programs []*program) []row {
	product, bare := programs[0], programs[1]
	var rows []row
	for _, arch := range architectures {
		size := func(p *program) []float64 { return []float64{float64(p.sizes[arch]) / 1e6} }
		rows = append(rows, row{name: "size, Lambda, linux/" + arch + ", MB", product: size(product), bare: size(bare)})
	}
	add := func(name string, of func(*samples) []float64) {
		r := row{name: name, product: of(&product.samples), bare: of(&bare.samples), goal: goals[name]}
		if summarize(r.bare).median != 0 {
			rows = append(rows, r)
		}
	}
	add(rowLambdaReady, func(s *samples) []float64 { return s.readyMS })
	add("CPU until ready, Lambda, ms", func(s *samples) []float64 { return s.readyCPU })
	add("peak RSS until ready, Lambda, MiB", func(s *samples) []float64 { return s.readyRSS })
	add("first answer, Lambda, ms", func(s *samples) []float64 { return s.answerMS })
	add("CPU until the first answer, Lambda, ms", func(s *samples) []float64 { return s.answerCPU })
	add("peak RSS until the first answer, Lambda, MiB", func(s *samples) []float64 { return s.answerRSS })
	return rows
}

// report is the result as Markdown: a line that says where, when and with which version of the SDK, and the table.
func report(now time.Time, e effort, sdk string, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s/%s, %s with %d cores, %s; %d rounds in turns, %d of the Lambda programs; median (least–most)\n\n",
		now.UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, processor(), runtime.NumCPU(),
		sdk, e.rounds, e.lambda)
	b.WriteString("| | product | bare SDK handler | plain proxy | ratio | bar | stretch | |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		proxy := "–"
		if len(r.proxy) > 0 {
			proxy = summarize(r.proxy).String()
		}
		ratio, met := fmt.Sprintf("%.2f", r.ratio()), r.goal.met(r.ratio())
		if summarize(r.bare).median <= 0 { // less than nothing was added: noise is all there is
			ratio, met = "–", ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", r.name, summarize(r.product), summarize(r.bare), proxy, ratio, r.goal, met)
	}
	return b.String()
}

// summary is what a table shows of many values.
type summary struct{ least, median, most float64 }

// String is the form of a table's cell.
func (s summary) String() string {
	digits := 3
	if s.median >= 1 {
		digits = 1
	}
	if s.median >= 100 {
		digits = 0
	}
	if s.least == s.most {
		return fmt.Sprintf("%.2f", s.median)
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.median, digits, s.least, digits, s.most)
}

// summarize takes at least one value.
func summarize(values []float64) summary {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return summary{sorted[0], median, sorted[len(sorted)-1]}
}

// The markers that the result stands between.
const (
	beginMarker = "<!-- begin: make bench -->\n"
	endMarker   = "<!-- end -->"
)

// store replaces what stands between the markers of a file.
func store(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	replaced, err := replace(string(old), text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(replaced), 0o644)
}

func replace(old, text string) (string, error) {
	before, rest, began := strings.Cut(old, beginMarker)
	_, after, ended := strings.Cut(rest, endMarker)
	if !began || !ended {
		return "", fmt.Errorf("there is no %q followed by %q", strings.TrimSpace(beginMarker), endMarker)
	}
	return before + beginMarker + text + endMarker + after, nil
}
