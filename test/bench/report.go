package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the result as Markdown: a line that says where and when, and the table.
func report(now time.Time, programs []*program, rounds int) string {
	product, bare := programs[0], programs[1]
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s/%s, %d cores, %d rounds in turns; median (p10–p90)\n\n", now.UTC().Format(time.DateOnly),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds)
	fmt.Fprintf(&b, "| | %s | %s | ratio |\n|---|---|---|---|\n", product.name, bare.name)
	for _, arch := range architectures {
		mine, its := float64(product.sizes[arch])/1e6, float64(bare.sizes[arch])/1e6
		fmt.Fprintf(&b, "| size, linux/%s, MB | %.2f | %.2f | %.2f |\n", arch, mine, its, mine/its)
	}
	row := func(name string, of func(*samples) []float64) {
		mine, its := summarize(of(&product.samples)), summarize(of(&bare.samples))
		if its.median == 0 {
			return // not known on this system
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f |\n", name, mine, its, mine.median/its.median)
	}
	row("start to ready, ms", func(s *samples) []float64 { return s.readyMS })
	row("CPU until ready, ms", func(s *samples) []float64 { return s.readyCPU })
	row("peak RSS until ready, MiB", func(s *samples) []float64 { return s.readyRSS })
	row("first answer, ms", func(s *samples) []float64 { return s.answerMS })
	row("CPU until the first answer, ms", func(s *samples) []float64 { return s.answerCPU })
	row("peak RSS until the first answer, MiB", func(s *samples) []float64 { return s.answerRSS })
	return b.String()
}

// summary is what a table shows of many values.
type summary struct{ p10, median, p90 float64 }

// String is the form of a table's cell.
func (s summary) String() string { return fmt.Sprintf("%.1f (%.1f–%.1f)", s.median, s.p10, s.p90) }

// summarize takes at least one value.
func summarize(values []float64) summary {
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 { // between the two nearest values
		place := q * float64(len(sorted)-1)
		below := int(place)
		above := min(below+1, len(sorted)-1)
		return sorted[below] + (sorted[above]-sorted[below])*(place-float64(below))
	}
	return summary{at(0.1), at(0.5), at(0.9)}
}

// The markers that the result stands between.
const (
	beginMarker = "<!-- begin: go run ./test/bench -write -->\n"
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
