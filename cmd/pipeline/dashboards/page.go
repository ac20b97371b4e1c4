package dashboards

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// cell is one of the grid, in both directions, in pixels.
const cell = 48

// Policy lets a page load nothing and run nothing: all that it needs is in it.
const Policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

const style = `body{font:13px/1.4 system-ui,"DejaVu Sans",sans-serif;margin:16px;background:#f2f3f3;color:#16191f;width:1152px}
h1{font-size:20px;margin:0}p{margin:4px 0 8px}nav{margin-bottom:10px}nav a{margin-right:14px;white-space:nowrap}.choices{margin:10px 0 12px}.choices label{margin-right:18px}
select{font:inherit;margin-left:6px}.board{position:relative}
.widget{position:absolute;box-sizing:border-box;background:#fff;border:1px solid #d5dbdb;padding:6px 10px;display:flex;flex-direction:column;overflow:auto}
.choice{display:contents}h2{font-size:13px;line-height:1.25;margin:0 0 2px}.none{color:#687078}.text h2{font-size:16px}.text p{margin:0}
.unit{align-self:flex-start;font-size:11px;color:#687078}.plot{position:relative;flex:1;min-height:60px;margin:8px 2px 2px 62px}
.plot svg{position:absolute;width:100%;height:100%;overflow:visible}.plot path{fill:none;vector-effect:non-scaling-stroke}
.grid{stroke:#e1e4e8}.line{stroke-width:2;stroke-linecap:round;stroke-linejoin:round}.target{stroke:#d62728;stroke-width:1.5;stroke-dasharray:6 4}
.tick,.says{position:absolute;font-size:11px;line-height:12px}.tick{right:100%;margin:-6px 6px 0 0}.says{right:0;margin-top:-15px;padding:0 3px;background:#ffffffd0;color:#b3171f}
.time{display:flex;justify-content:space-between;font-size:11px;margin-left:62px}
.legend{display:flex;flex-wrap:wrap;gap:1px 14px;list-style:none;margin:3px 0 0;padding:0;font-size:11px}
.legend i{display:inline-block;width:12px;height:3px;margin-right:5px;vertical-align:middle}
.numbers{display:flex;flex-wrap:wrap;gap:8px 20px;margin:8px 0}.numbers b{display:block;font-size:20px;font-weight:400}
table{border-collapse:collapse;font-size:12px;line-height:16px}td,th{padding:0 18px 0 0;text-align:left}td.figure,th.figure{text-align:right}
`

// Page draws a dashboard from a run, as one page of HTML that needs nothing else, not even a script. A person chooses the
// values of its variables on it. It links to pages of others by their names.
func Page(d Dashboard, others []string, r *Run) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"+
		"<link rel=\"icon\" href=\"data:,\"><title>%[2]s</title><style>%s%s</style></head>\n<body><h1>%[2]s</h1>\n",
		Policy, html.EscapeString(d.Name), style, d.rules())
	fmt.Fprintf(&b, "<p>Drawn from %s of a local run that began at %s. The embedded Bedrock is no model: the figures show the dashboard, "+
		"not what AWS would be like. A point is %s here, a minute or more in CloudWatch.</p>\n", count(r.Requests(), "1 request", "%d requests"), r.from.UTC().Format("2006-01-02 15:04:05 UTC"), r.period())
	b.WriteString("<nav>")
	for _, name := range others {
		if name != d.Name {
			fmt.Fprintf(&b, `<a href="%[1]s.html">%[1]s</a> `, html.EscapeString(name))
		}
	}
	fmt.Fprintf(&b, "</nav>\n%s", d.choices())
	height := 0
	for _, w := range d.Widgets {
		height = max(height, w.Y+w.Height)
	}
	fmt.Fprintf(&b, "<div class=\"board\" style=\"height:%dpx\">\n", height*cell)
	for _, w := range d.Widgets {
		fmt.Fprintf(&b, "<div class=\"widget %s\" style=\"left:%dpx;top:%dpx;width:%dpx;height:%dpx\">", html.EscapeString(w.Type), w.X*cell, w.Y*cell, w.Width*cell-6, w.Height*cell-6)
		inside, err := d.inside(w, r)
		if err != nil {
			return "", fmt.Errorf("dashboard %s: %w", d.Name, err)
		}
		b.WriteString(inside + "</div>\n")
	}
	b.WriteString("</div></body></html>\n")
	return b.String(), nil
}

// drawn is a widget without what is left to choose.
func (w Widget) drawn(r *Run) (string, error) {
	title := ""
	if w.Title != "" {
		title = "<h2>" + html.EscapeString(w.Title) + "</h2>"
	}
	content, err := w.content(r)
	return title + content, err
}

func (w Widget) content(r *Run) (string, error) {
	switch w.Type {
	case "text":
		return paragraphs(w.Text), nil
	case "alarm":
		return none("No data: only CloudWatch knows the state of " + count(w.Alarms, "the alarm", "the %d alarms") + " that it shows here."), nil
	case "log":
		return w.table(r)
	}
	if reason := w.empty(r); reason != "" {
		return none(reason), nil
	}
	if w.View == "singleValue" {
		results, err := w.Evaluate(r.to.Sub(r.from).Seconds(), r.series(0))
		return w.numbers(results, r), err
	}
	period := r.period()
	results, err := w.Evaluate(period.Seconds(), r.series(period))
	if err != nil {
		return "", err
	}
	return w.chart(results, r, period), nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

func none(text string) string { return `<div class="none">` + html.EscapeString(text) + "</div>" }

// paragraphs draws the little of Markdown that our texts have: headings, and lines.
func paragraphs(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			fmt.Fprintf(&b, "<h2>%s</h2>", html.EscapeString(strings.TrimSpace(heading)))
			continue
		}
		fmt.Fprintf(&b, "<p>%s</p>", html.EscapeString(line))
	}
	return b.String()
}

func (w Widget) table(r *Run) (string, error) {
	if strings.Contains(w.Text, "platform.report") {
		return none("No data: only Lambda writes these lines."), nil
	}
	t, err := r.Query(w.Text, w.Region)
	if err != nil {
		return "", err
	}
	if len(t.Rows) == 0 {
		return none("No data: the programs have printed no such line yet."), nil
	}
	figures := make([]string, len(t.Columns))
	for i := range t.Columns {
		if i >= t.Keys {
			figures[i] = ` class="figure"`
		}
	}
	var b strings.Builder
	b.WriteString("<table><tr>")
	for i, c := range t.Columns {
		fmt.Fprintf(&b, "<th%s>%s</th>", figures[i], html.EscapeString(c))
	}
	for _, row := range t.Rows {
		b.WriteString("</tr>\n<tr>")
		for i, value := range row {
			switch {
			case value == "":
				value = "–"
			case i >= t.Keys:
				value = readable(figure(value))
			}
			fmt.Fprintf(&b, "<td%s>%s</td>", figures[i], html.EscapeString(value))
		}
	}
	return b.String() + "</tr></table>", nil
}

func (w Widget) numbers(results []metricmath.Series, r *Run) string {
	var b strings.Builder
	b.WriteString(`<div class="numbers">`)
	for i, l := range w.Lines {
		if l.Hidden {
			continue
		}
		value := "–"
		if len(results[i]) > 0 && !math.IsNaN(results[i][0]) {
			value = readable(results[i][0])
		}
		fmt.Fprintf(&b, `<div><b>%s</b>%s</div>`, value, html.EscapeString(l.Label))
	}
	return b.String() + "</div>" + w.standsIn(r)
}

// standsIn says where the figures are not AWS's own.
func (w Widget) standsIn(r *Run) string {
	for _, l := range w.Lines {
		if source, _ := r.standIn(l.Metric); source.Name != "" {
			return none("From what the programs printed: AWS counts this itself.")
		}
	}
	return ""
}
