package dashboards

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards/metricmath"
)

// The measures of a page, in pixels.
const (
	cell   = 48 // of the grid, in both directions
	titled = 30 // what a title takes
)

const style = `body{font:13px/1.4 system-ui,"DejaVu Sans",sans-serif;margin:16px;background:#f2f3f3;color:#16191f;width:1184px}
h1{font-size:20px;margin:0}p{margin:4px 0 12px}.grid{position:relative}
.widget{position:absolute;box-sizing:border-box;background:#fff;border:1px solid #d5dbdb;padding:6px 8px;overflow:hidden}
h2{font-size:13px;margin:0 0 2px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}svg{display:block}
.none{color:#687078}.number{display:inline-block;margin:6px 18px 0 0}.number b{display:block;font-size:22px;font-weight:400}
table{border-collapse:collapse;font-size:12px}td,th{padding:2px 10px 2px 0;text-align:left}.text{padding:8px}`

// Page draws a dashboard from a run, as one page of HTML that needs nothing else.
func Page(d Dashboard, r *Run) (string, error) {
	d = d.Choose(nil)
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>%s</title><style>%s</style>\n<h1>%s</h1>\n", d.Name, style, html.EscapeString(d.Name))
	fmt.Fprintf(&b, "<p>Drawn from %d requests of a local run on the embedded Bedrock, which is no model: the figures show the dashboard, not what AWS would be like. "+
		"A point is %s, whatever the titles say%s.</p>\n", r.Requests(), r.period(), chosen(d))
	height := 0
	for _, w := range d.Widgets {
		height = max(height, w.Y+w.Height)
	}
	fmt.Fprintf(&b, "<div class=\"grid\" style=\"height:%dpx\">\n", height*cell)
	for _, w := range d.Widgets {
		inside, err := w.draw(r)
		if err != nil {
			return "", fmt.Errorf("dashboard %s: %w", d.Name, err)
		}
		fmt.Fprintf(&b, "<div class=\"widget %s\" style=\"left:%dpx;top:%dpx;width:%dpx;height:%dpx\">", w.Type, w.X*cell, w.Y*cell, w.Width*cell-6, w.Height*cell-6)
		if w.Title != "" {
			fmt.Fprintf(&b, "<h2>%s</h2>", html.EscapeString(w.Title))
		}
		b.WriteString(inside + "</div>\n")
	}
	b.WriteString("</div></html>\n")
	return b.String(), nil
}

// chosen says what the variables stand for.
func chosen(d Dashboard) string {
	var texts []string
	for _, v := range d.Variables {
		texts = append(texts, fmt.Sprintf("%s %s", strings.ToLower(v.Label), v.Default))
	}
	if len(texts) == 0 {
		return ""
	}
	return "; chosen are " + strings.Join(texts, " and ")
}

func (w Widget) draw(r *Run) (string, error) {
	switch w.Type {
	case "text":
		return html.EscapeString(strings.TrimLeft(w.Text, "# ")), nil
	case "alarm":
		return none(fmt.Sprintf("the states of %d alarms, which only CloudWatch knows", w.Alarms)), nil
	case "log":
		return w.table(r)
	}
	if !w.drawable(r) {
		return none("no data: only AWS has these, or nothing of the kind happened"), nil
	}
	period := r.period()
	if w.View == "singleValue" {
		period = r.to.Sub(r.from)
		results, err := w.Evaluate(period.Seconds(), r.series(0))
		return w.numbers(results), err
	}
	results, err := w.Evaluate(period.Seconds(), r.series(period))
	if err != nil {
		return "", err
	}
	return w.chart(results, r, period), nil
}

// drawable tells whether the run has anything of the widget.
func (w Widget) drawable(r *Run) bool {
	for _, l := range w.Lines {
		if l.Expression == "" && len(r.values(l.Metric)) > 0 {
			return true
		}
	}
	return false
}

func none(text string) string { return `<span class="none">` + html.EscapeString(text) + "</span>" }

func (w Widget) table(r *Run) (string, error) {
	if strings.Contains(w.Text, "platform.report") {
		return none("lines that only Lambda writes"), nil
	}
	t, err := r.Query(w.Text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("<table><tr>")
	for _, c := range t.Columns {
		fmt.Fprintf(&b, "<th>%s</th>", html.EscapeString(c))
	}
	for _, row := range t.Rows {
		b.WriteString("</tr><tr>")
		for _, value := range row {
			if value == "" {
				value = "–"
			}
			fmt.Fprintf(&b, "<td>%s</td>", html.EscapeString(value))
		}
	}
	return b.String() + "</tr></table>", nil
}

func (w Widget) numbers(results []metricmath.Series) string {
	var b strings.Builder
	for i, l := range w.Lines {
		if l.Hidden || results[i] == nil {
			continue
		}
		value := "–"
		if len(results[i]) > 0 && !math.IsNaN(results[i][0]) {
			value = short(results[i][0])
		}
		fmt.Fprintf(&b, `<div class="number"><b>%s</b>%s</div>`, value, html.EscapeString(l.Label))
	}
	for _, l := range w.Lines {
		if StandsIn(l.Metric) {
			return b.String() + "<br>" + none("from what the programs printed: AWS counts this itself")
		}
	}
	return b.String()
}

// since is how long after the start of the run a bin begins.
func since(bin int, period time.Duration) string { return (time.Duration(bin) * period).String() }
