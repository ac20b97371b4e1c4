package cost

import (
	"fmt"
	"html"
	"strings"
)

// The chart's measures, in pixels.
const (
	chartWidth   = 860
	chartLeft    = 190 // where bars begin
	chartRight   = 130 // for the figure at a bar's end
	chartBar     = 20
	chartGap     = 8
	chartBetween = 26 // between variants
)

// bar is one bar of the chart.
type bar struct {
	label string
	parts []slice
	first bool // of its variant
}

type slice struct {
	item string
	usd  float64
}

// colours are those of the parts of a bar; they keep apart for eyes that see no red or no green.
func colours() map[string]string {
	return map[string]string{
		"compute": "#0072b2", "ways in and out": "#e69f00", "logs": "#009e73", "fixed cost of the stack": "#999999",
	}
}

// legend is the order of the parts in a bar.
func legend() []string {
	return []string{"compute", "ways in and out", "logs", "fixed cost of the stack"}
}

// Chart draws what a million requests cost without tokens, by variant, on arm64 and as the same shape on x86.
func (r *Report) Chart() string {
	bars := r.bars()
	longest := 0.0
	for _, b := range bars {
		longest = max(longest, b.sum())
	}
	if longest == 0 {
		longest = 1
	}
	var body strings.Builder
	y := 84
	for _, b := range bars {
		if b.first {
			y += chartBetween - chartGap
		}
		b.draw(&body, y, longest)
		y += chartBar + chartGap
	}
	height := y + 34
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" font-family="Helvetica, Arial, sans-serif" font-size="13">`+"\n", chartWidth, height)
	fmt.Fprintf(&out, "<title>Cost of a million requests without tokens, by variant and architecture</title>\n")
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, height)
	out.WriteString(label(16, 28, "start", "16", "A million requests without tokens, US dollars, list prices"))
	out.WriteString(label(16, 48, "start", "13", r.subtitle()))
	x := chartLeft
	for _, item := range legend() {
		fmt.Fprintf(&out, `<rect x="%d" y="62" width="12" height="12" fill="%s"/>`+"\n", x, colours()[item])
		out.WriteString(label(x+18, 73, "start", "13", item))
		x += 40 + 7*len(item)
	}
	out.WriteString(body.String())
	out.WriteString(label(16, height-12, "start", "12", "Tokens, shared stacks and what has no known price are not in the bars."))
	out.WriteString("</svg>\n")
	return out.String()
}

func (r *Report) subtitle() string {
	return fmt.Sprintf("%v requests a second, %v s an answer, %d bytes an answer; prices of %s and before", r.Load.RequestsPerSecond, r.Load.Seconds, r.Load.AnswerBytes, r.newest())
}

// newest is the day of the newest price.
func (r *Report) newest() string {
	day := ""
	for _, p := range r.Prices {
		day = max(day, p.Source.AsOf.Format("2006-01-02"))
	}
	return day
}

func (r *Report) bars() []bar {
	var bars []bar
	for _, d := range r.Deployments {
		for _, v := range d.Variants {
			own := bar{label: v.Name + " arm64", first: true}
			other := bar{label: v.Name + " x86"}
			for _, item := range legend() {
				usd := v.under(item)
				own.parts = append(own.parts, slice{item, usd})
				if item == "compute" && v.X86.Compute != nil {
					usd = *v.X86.Compute
				}
				other.parts = append(other.parts, slice{item, usd})
			}
			if len(r.Deployments) > 1 {
				own.label, other.label = d.Name+" "+own.label, d.Name+" "+other.label
			}
			bars = append(bars, own)
			if v.X86.Compute != nil {
				bars = append(bars, other)
			}
		}
	}
	return bars
}

// under sums a variant's parts that the chart shows as one.
func (v Variant) under(item string) float64 {
	sum := 0.0
	for _, p := range v.Parts {
		shown := "ways in and out"
		switch {
		case p.Item == "compute", p.Item == "fixed cost of the stack":
			shown = p.Item
		case strings.HasPrefix(p.Item, "logs"):
			shown = "logs"
		}
		if shown == item && p.USD != nil {
			sum += *p.USD
		}
	}
	return sum
}

func (b bar) sum() float64 {
	sum := 0.0
	for _, s := range b.parts {
		sum += s.usd
	}
	return sum
}

func (b bar) draw(out *strings.Builder, y int, longest float64) {
	out.WriteString(label(chartLeft-10, y+15, "end", "13", b.label))
	x := float64(chartLeft)
	for _, s := range b.parts {
		width := s.usd / longest * (chartWidth - chartLeft - chartRight)
		fmt.Fprintf(out, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", x, y, width, chartBar, colours()[s.item])
		x += width
	}
	out.WriteString(label(int(x)+8, y+15, "start", "13", dollars(b.sum())))
}

func label(x, y int, anchor, size, text string) string {
	return fmt.Sprintf(`<text x="%d" y="%d" text-anchor="%s" font-size="%s" fill="#222222">%s</text>`+"\n", x, y, anchor, size, html.EscapeString(text))
}
