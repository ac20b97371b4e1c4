package dashboards

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// choices are a list for each variable.
func (d Dashboard) choices() string {
	if len(d.Variables) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<form class="choices">`)
	for i, v := range d.Variables {
		fmt.Fprintf(&b, `<label>%s<select id="choice%d">`, html.EscapeString(v.Label), i)
		for _, value := range v.Values {
			selected := ""
			if value == v.Default {
				selected = " selected"
			}
			fmt.Fprintf(&b, "<option%s>%s</option>", selected, html.EscapeString(value))
		}
		b.WriteString("</select></label>")
	}
	return b.String() + "</form>\n"
}

// rules are the style that hides what is not chosen: each value by its place among those of its variable, from 1.
func (d Dashboard) rules() string {
	var b strings.Builder
	for i, v := range d.Variables {
		for n := range v.Values {
			fmt.Fprintf(&b, "body:has(#choice%[1]d>option:nth-child(%[2]d):checked) [data-choice%[1]d]:not([data-choice%[1]d=\"%[2]d\"]){display:none}\n", i, n+1)
		}
	}
	return b.String()
}

// inside draws a widget once for each choice that changes it.
func (d Dashboard) inside(w Widget, r *Run) (string, error) {
	type choice struct {
		marks  string
		values map[string]string
	}
	all := []choice{{values: map[string]string{}}}
	for i, v := range d.Variables {
		if !w.names(v.Pattern) {
			continue
		}
		var more []choice
		for _, before := range all {
			for n, value := range v.Values {
				next := choice{before.marks + fmt.Sprintf(` data-choice%d="%d"`, i, n+1), map[string]string{v.Pattern: value}}
				for pattern, chosen := range before.values {
					next.values[pattern] = chosen
				}
				more = append(more, next)
			}
		}
		all = more
	}
	var b strings.Builder
	for _, c := range all {
		chosen := Dashboard{Widgets: []Widget{w}, Variables: d.Variables}.Choose(c.values)
		drawn, err := chosen.Widgets[0].drawn(r)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, `<div class="choice"%s>%s</div>`, c.marks, drawn)
	}
	return b.String(), nil
}

// names tells whether a text stands anywhere in the widget.
func (w Widget) names(text string) bool {
	return strings.Contains(w.Title+w.Text, text) || slices.ContainsFunc(w.Lines, func(l Line) bool {
		for _, value := range l.Metric.Dimensions {
			if strings.Contains(value, text) {
				return true
			}
		}
		return strings.Contains(l.ID+l.Label+l.Expression, text)
	})
}
