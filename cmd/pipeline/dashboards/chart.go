package dashboards

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// Room in a chart beside the lines, in pixels.
const (
	left   = 52
	bottom = 18
	legend = 16 // a row of it
)

// colours keep apart for eyes that see no red or no green; the targets are red and broken.
func colours() []string {
	return []string{"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442", "#000000", "#8c564b"}
}

// chart draws lines over the time of the run, and targets.
func (w Widget) chart(results []metricmath.Series, r *Run, period time.Duration) string {
	var shown []int
	top := 0.0
	for i, l := range w.Lines {
		if l.Hidden || results[i] == nil {
			continue
		}
		shown = append(shown, i)
		for _, v := range results[i] {
			if !math.IsNaN(v) {
				top = max(top, v)
			}
		}
	}
	for _, t := range w.Targets {
		top = max(top, t.Value*1.1)
	}
	if top == 0 {
		top = 1
	}
	width, height := w.Width*cell-24, w.Height*cell-titled-10
	right, base := width-6, height-bottom-legend*((len(shown)+2)/3)
	c := canvas{width: right - left, height: base - 8, top: top, bins: int(math.Ceil(float64(r.to.Sub(r.from)) / float64(period)))}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg width="%d" height="%d" role="img" aria-label="%s" font-size="10" fill="#16191f">`, width, height, html.EscapeString(w.Title))
	for _, part := range []float64{0, 0.5, 1} {
		y := c.y(top * part)
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#e1e4e8"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`, left, y, right, left-4, y+3, short(top*part))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">0s</text><text x="%d" y="%d" text-anchor="end">%s, %s</text>`, left, base+12, right, base+12, since(c.bins, period), html.EscapeString(w.Unit))
	for _, t := range w.Targets {
		y := c.y(t.Value)
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#d62728" stroke-dasharray="5 3"/><text x="%d" y="%.1f" text-anchor="end" fill="#d62728">%s</text>`, left, y, right, right, y-3, html.EscapeString(t.Label))
	}
	for n, i := range shown {
		colour := colours()[n%len(colours())]
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.6" stroke-linecap="round"/>`, c.path(results[i]), colour)
		x, y := left+(n%3)*(c.width/3), base+bottom+legend*(n/3)+8
		fmt.Fprintf(&b, `<path d="M%d %dh10" stroke="%s" stroke-width="3"/><text x="%d" y="%d">%s</text>`, x, y-4, colour, x+14, y, html.EscapeString(shorten(w.Lines[i].Label)))
	}
	return b.String() + "</svg>"
}

// shorten cuts a label that has no room.
func shorten(label string) string {
	if runes := []rune(label); len(runes) > 22 {
		return string(runes[:21]) + "…"
	}
	return label
}

// canvas is where lines are drawn.
type canvas struct {
	width, height, bins int
	top                 float64
}

func (c canvas) x(bin int) float64 { return left + (float64(bin)+0.5)/float64(c.bins)*float64(c.width) }

func (c canvas) y(value float64) float64 {
	return 8 + float64(c.height)*(1-min(value/c.top, 1))
}

// path goes from point to point over bins without data, as CloudWatch draws; a point alone is a dot.
func (c canvas) path(s metricmath.Series) string {
	var b strings.Builder
	last, points := "", 0
	for i, v := range s {
		if math.IsNaN(v) {
			continue
		}
		command := "L"
		if points++; points == 1 {
			command = "M"
		}
		last = fmt.Sprintf("%.1f %.1f", c.x(i), c.y(v))
		b.WriteString(command + last)
	}
	if points == 1 {
		b.WriteString("l.1 0")
	}
	return b.String()
}
