// Package dashboards draws the dashboards of synthesized templates from the log of a local run, so that people see them
// before anything is deployed: the same widgets, lines and targets, worked out from the metrics that the programs really
// printed.
//
// It must not know CDK, nor what the dashboards are about. It is no copy of CloudWatch: it draws lines, numbers and texts.
package dashboards

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// Dashboard is one of a template.
type Dashboard struct {
	Name      string
	Region    string // of its stack
	Widgets   []Widget
	Variables []Variable
}

// Widget is a part of a dashboard, on a grid 24 wide.
type Widget struct {
	Type                string // "metric", "text", "log" or "alarm"
	X, Y, Width, Height int
	Title               string
	View                string // of a metric: "timeSeries", "singleValue"
	Unit                string // what the axis says
	Lines               []Line
	Targets             []Target
	Text                string // the text, or the query of a log
	Region              string // of the log
	Alarms              int    // how many it shows the state of
}

// Line is a metric or an expression over the others of its widget.
type Line struct {
	ID, Label  string
	Hidden     bool   // only for expressions
	Expression string // empty for a metric
	Metric     Metric
	Statistic  string
	Period     int // seconds
}

// Metric is what CloudWatch looks a metric up by.
type Metric struct {
	Namespace, Name string
	Dimensions      map[string]string
	Region          string
}

// Target is a horizontal line.
type Target struct {
	Value float64
	Label string
}

// Variable is a text that CloudWatch replaces wherever it stands in a dashboard.
type Variable struct {
	Label, Pattern, Default string
	Values                  []string
}

// Choose returns the dashboard with each variable's text replaced by a value; by its default where none is given.
func (d Dashboard) Choose(values map[string]string) Dashboard {
	var pairs []string
	for _, v := range d.Variables {
		chosen, ok := values[v.Pattern]
		if !ok {
			chosen = v.Default
		}
		pairs = append(pairs, v.Pattern, chosen)
	}
	replace := strings.NewReplacer(pairs...).Replace
	chosen := d
	chosen.Widgets = slices.Clone(d.Widgets)
	for i := range chosen.Widgets {
		w := &chosen.Widgets[i]
		w.Title, w.Text = replace(w.Title), replace(w.Text)
		w.Lines = slices.Clone(w.Lines)
		for j := range w.Lines {
			l := &w.Lines[j]
			l.ID, l.Label, l.Expression = replace(l.ID), replace(l.Label), replace(l.Expression)
			dimensions := map[string]string{}
			for name, value := range l.Metric.Dimensions {
				dimensions[name] = replace(value)
			}
			l.Metric.Dimensions = dimensions
		}
	}
	return chosen
}

// Read returns the dashboards of a stack. What only CloudFormation knows stands there by its name in angle brackets.
func Read(stack *assembly.Stack) ([]Dashboard, error) {
	var read []Dashboard
	var problems []error
	for _, r := range stack.ByType("AWS::CloudWatch::Dashboard") {
		d, err := parse(Text(stack, r.Properties["DashboardBody"]))
		if err != nil {
			problems = append(problems, fmt.Errorf("stack %s, resource %s: %w", stack.ID, r.LogicalID, err))
		}
		d.Name, d.Region = Text(stack, r.Properties["DashboardName"]), stack.Region
		read = append(read, d)
	}
	return read, errors.Join(problems...)
}

// Text is a text of a template as a person reads it.
func Text(stack *assembly.Stack, value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		if join, ok := v["Fn::Join"].([]any); ok && len(join) == 2 {
			parts, _ := join[1].([]any)
			var texts []string
			for _, part := range parts {
				texts = append(texts, Text(stack, part))
			}
			separator, _ := join[0].(string)
			return strings.Join(texts, separator)
		}
		if v["Ref"] == "AWS::Region" {
			return stack.Region
		}
		return "<" + reference(v) + ">"
	}
	return fmt.Sprint(value)
}

// reference names what a template refers to.
func reference(v map[string]any) string {
	switch {
	case v["Ref"] != nil:
		return fmt.Sprint(v["Ref"])
	case v["Fn::GetStackOutput"] != nil:
		output, _ := v["Fn::GetStackOutput"].(map[string]any)
		return fmt.Sprintf("%v %v", output["StackName"], output["OutputName"])
	}
	encoded, _ := json.Marshal(v) // it came from JSON
	return strings.NewReplacer(`"`, "", `\`, "").Replace(string(encoded))
}

// body is a dashboard as CloudWatch reads it.
type body struct {
	Widgets []struct {
		Type                string
		X, Y, Width, Height int
		Properties          struct {
			Title, View, Markdown, Query, Region string
			Metrics                              [][]any
			Alarms                               []string
			Annotations                          struct{ Horizontal []Target }
			YAxis                                struct{ Left struct{ Label string } }
		}
	}
	Variables []struct {
		Label, Pattern, DefaultValue string
		Values                       []struct{ Value string }
	}
}

func parse(text string) (Dashboard, error) {
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return Dashboard{}, err
	}
	var d Dashboard
	for _, v := range b.Variables {
		variable := Variable{Label: v.Label, Pattern: v.Pattern, Default: v.DefaultValue}
		for _, offered := range v.Values {
			variable.Values = append(variable.Values, offered.Value)
		}
		d.Variables = append(d.Variables, variable)
	}
	for i, w := range b.Widgets {
		p := w.Properties
		widget := Widget{Type: w.Type, X: w.X, Y: w.Y, Width: w.Width, Height: w.Height, Title: p.Title, View: p.View, Unit: p.YAxis.Left.Label,
			Targets: p.Annotations.Horizontal, Text: p.Markdown + p.Query, Region: p.Region, Alarms: len(p.Alarms)}
		for _, row := range p.Metrics {
			l, err := line(row, p.Region)
			if err != nil {
				return d, fmt.Errorf("widgets[%d], %q: %w", i, p.Title, err)
			}
			widget.Lines = append(widget.Lines, l)
		}
		d.Widgets = append(d.Widgets, widget)
	}
	return d, nil
}

// line reads a row: namespace, name, pairs of dimensions, and options at the end; or an expression.
func line(row []any, region string) (Line, error) {
	l := Line{Statistic: "Average", Period: 300, Metric: Metric{Dimensions: map[string]string{}, Region: region}}
	if options, ok := row[len(row)-1].(map[string]any); ok {
		row = row[:len(row)-1]
		l.read(options)
	}
	if l.Expression != "" {
		return l, nil
	}
	var texts []string
	for _, part := range row {
		text, ok := part.(string)
		if !ok || text == "." || text == "..." {
			return l, fmt.Errorf("%v is a shorthand that is not read here", part)
		}
		texts = append(texts, text)
	}
	if len(texts) < 2 || len(texts)%2 != 0 {
		return l, fmt.Errorf("%v is no metric", texts)
	}
	l.Metric.Namespace, l.Metric.Name = texts[0], texts[1]
	for i := 2; i < len(texts); i += 2 {
		l.Metric.Dimensions[texts[i]] = texts[i+1]
	}
	if l.Label == "" {
		l.Label = l.Metric.Name
	}
	return l, nil
}

func (l *Line) read(options map[string]any) {
	for name, into := range map[string]*string{"id": &l.ID, "label": &l.Label, "expression": &l.Expression, "stat": &l.Statistic, "region": &l.Metric.Region} {
		if text, ok := options[name].(string); ok {
			*into = text
		}
	}
	if period, ok := options["period"].(float64); ok {
		l.Period = int(period)
	}
	if visible, ok := options["visible"].(bool); ok {
		l.Hidden = !visible
	}
}
