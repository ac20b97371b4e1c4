package dashboards

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// colours keep apart for eyes that see no red or no green; the targets are red and broken.
func colours() []string {
	return []string{"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c564b", "#000000", "#7f7f7f"}
}

// chart draws lines over the time of the run, and targets. Whatever is text is laid out by the browser, around a picture
// of 100 by 100 that it stretches.
func (w Widget) chart(results []metricmath.Series, r *Run, period time.Duration) string {
	var top float64
	for i, l := range w.Lines {
		if !l.Hidden {
			for _, v := range results[i] {
				if v > top { // which NaN never is
					top = v
				}
			}
		}
	}
	for _, t := range w.Targets {
		top = max(top, t.Value*1.1)
	}
	if strings.HasPrefix(w.Unit, "%") && top > 100 {
		top = 100 // with the target just below, for no share is more
	}
	marks := ticks(top)
	c := canvas{top: marks[len(marks)-1], bins: int(math.Ceil(float64(r.to.Sub(r.from)) / float64(period)))}
	var b strings.Builder
	fmt.Fprintf(&b, `<div class="unit">%s</div><div class="plot">`, html.EscapeString(w.unit(period)))
	for _, mark := range marks {
		fmt.Fprintf(&b, `<span class="tick" style="top:%.2f%%">%s</span>`, c.y(mark), readable(mark))
	}
	fmt.Fprintf(&b, `<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="%s">`, html.EscapeString(w.Title))
	for _, mark := range marks {
		fmt.Fprintf(&b, `<path class="grid" d="M0 %.2fH100"/>`, c.y(mark))
	}
	legend, shown := "", 0
	for i, l := range w.Lines {
		if l.Hidden {
			continue
		}
		path, label := c.path(results[i]), html.EscapeString(l.Label)
		if path == "" {
			legend += fmt.Sprintf(`<li class="none">%s: no data</li>`, label)
			continue
		}
		colour := colours()[shown%len(colours())]
		shown++
		fmt.Fprintf(&b, `<path class="line" stroke="%s" d="%s"><title>%s</title></path>`, colour, path, label)
		legend += fmt.Sprintf(`<li><i style="background:%s"></i>%s</li>`, colour, label)
	}
	for _, t := range w.Targets {
		fmt.Fprintf(&b, `<path class="target" d="M0 %.2fH100"/>`, c.y(t.Value))
	}
	b.WriteString("</svg>")
	for _, t := range w.Targets {
		fmt.Fprintf(&b, `<span class="says" style="top:%.2f%%">%s</span>`, c.y(t.Value), html.EscapeString(t.Label))
	}
	fmt.Fprintf(&b, `</div><div class="time"><span>0s</span><span>%s</span></div><ul class="legend">%s</ul>`, time.Duration(c.bins)*period, legend)
	return b.String() + w.standsIn(r)
}

// unit is what the axis says. Sums are of another time here than they are where the title speaks of a minute or an hour.
func (w Widget) unit(period time.Duration) string {
	if !slices.ContainsFunc(w.Lines, func(l Line) bool { return l.Statistic == "Sum" && !l.Hidden && l.Expression == "" }) {
		return w.Unit
	}
	return strings.TrimSuffix(strings.TrimSuffix(w.Unit, " an hour"), " a minute") + " in " + period.String()
}

// canvas is where lines are drawn, in percent.
type canvas struct {
	top  float64
	bins int
}

func (c canvas) x(bin int) float64 { return (float64(bin) + 0.5) / float64(c.bins) * 100 }

func (c canvas) y(value float64) float64 { return 100 * (1 - min(value/c.top, 1)) }

// path goes from point to point over bins without data, as CloudWatch draws; a point alone is a dot. It is empty where
// there is none.
func (c canvas) path(s metricmath.Series) string {
	var points []string
	for i, v := range s {
		if !math.IsNaN(v) {
			points = append(points, fmt.Sprintf("%.2f %.2f", c.x(i), c.y(v)))
		}
	}
	switch len(points) {
	case 0:
		return ""
	case 1:
		return "M" + points[0] + "h0.5"
	}
	return "M" + strings.Join(points, "L")
}
