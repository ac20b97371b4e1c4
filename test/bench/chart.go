package main

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// Sizes of the chart, in its own units.
const (
	chartWidth = 860
	labelWidth = 400
	lineHeight = 26
	chartTop   = 54
	chartScale = 280.0 // a ratio of 1
)

// chart draws the rows that have a goal: each one's ratio to the bare handler as a bar, and its bar as a mark. Where
// more is better the ratio is turned round, so that shorter is better throughout.
func chart(now time.Time, rows []row) string {
	var lines strings.Builder
	y := chartTop
	for _, r := range rows {
		if !r.goal.exists() {
			continue
		}
		ratio, bar, name := r.ratio(), r.goal.bar, r.name
		if r.goal.atLeast {
			ratio, bar, name = 1/ratio, 1/bar, name+" (inverse)"
		}
		color := "#2f7d4f"
		if r.goal.met(r.ratio()) == "**missed**" {
			color = "#b3402a"
		}
		width := min(max(ratio, 0), 1.5) * chartScale
		fmt.Fprintf(&lines, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-8, y+12, html.EscapeString(name))
		fmt.Fprintf(&lines, `<rect x="%d" y="%d" width="%.1f" height="16" fill="%s"/>`+"\n", labelWidth, y, width, color)
		fmt.Fprintf(&lines, `<text x="%.1f" y="%d">%.2f</text>`+"\n", labelWidth+width+5, y+12, ratio)
		fmt.Fprintf(&lines, `<path d="M%.1f %dv22" stroke="#1c1c1c" stroke-width="2"/>`+"\n", labelWidth+bar*chartScale, y-3)
		y += lineHeight
	}
	one := labelWidth + chartScale
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		chartWidth, y+10, chartWidth, y+10)
	fmt.Fprintf(&b, `<title>The gateway's server as a part of a bare SDK handler, %s; shorter is better</title>`+"\n", now.UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	fmt.Fprintf(&b, `<text x="10" y="20" font-size="14">The gateway as a part of a bare SDK handler, %s; shorter is better</text>`+"\n", now.UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, `<text x="%.0f" y="40" text-anchor="middle">1.0, the bare handler</text>`+"\n", one)
	fmt.Fprintf(&b, `<path d="M%.0f 46V%d" stroke="#999" stroke-dasharray="4 3"/>`+"\n", one, y)
	b.WriteString(lines.String())
	b.WriteString("</svg>\n")
	return b.String()
}
