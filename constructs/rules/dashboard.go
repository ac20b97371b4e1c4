package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const maxWidgets = 500

var dashboards = Rule{
	Name:    "dashboard",
	Summary: "the body of a dashboard is not JSON, or a widget lacks what CloudWatch requires",
	Source: "Dashboard Body Structure and Syntax, " +
		"docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html; the ranges of " +
		"x, width and height and the alarms of an alarm widget were not verified there",
	check: func(c *check) {
		c.each(func(id string, r resource) {
			body, ok := c.text(r.Properties["DashboardBody"])
			if !ok {
				c.find(id, "Properties.DashboardBody", "must be a text that holds JSON")
				return
			}
			// A digit is right JSON inside a text and out of it.
			for _, problem := range bodyProblems(strings.ReplaceAll(body, unknown, "1")) {
				c.find(id, "Properties.DashboardBody", "%s", problem)
			}
		}, "AWS::CloudWatch::Dashboard")
	},
}

type widget struct {
	Type       *string        `json:"type"`
	X          *float64       `json:"x"`
	Y          *float64       `json:"y"`
	Width      *float64       `json:"width"`
	Height     *float64       `json:"height"`
	Properties map[string]any `json:"properties"`
}

// required names the properties that each type of widget must have; of several in one text, one is enough.
var required = map[string][]string{
	"alarm":  {"alarms"},
	"log":    {"query", "region"},
	"metric": {"metrics or annotations", "region"},
	"text":   {"markdown"},
}

func bodyProblems(body string) []string {
	var dashboard struct {
		Widgets *[]widget `json:"widgets"`
	}
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		return []string{"is not what CloudWatch reads: " + err.Error()}
	}
	if dashboard.Widgets == nil {
		return []string{"has no widgets array, which may be empty and must be there"}
	}
	var problems []string
	if n := len(*dashboard.Widgets); n > maxWidgets {
		problems = append(problems, fmt.Sprintf("has %d widgets; CloudWatch takes %d", n, maxWidgets))
	}
	for i, w := range *dashboard.Widgets {
		for _, problem := range w.problems() {
			problems = append(problems, fmt.Sprintf("widgets[%d] %s", i, problem))
		}
	}
	return problems
}

func (w widget) problems() []string {
	var problems []string
	if w.Type == nil {
		return []string{"has no type"}
	}
	for _, names := range required[*w.Type] {
		has := func(name string) bool { return w.Properties[name] != nil && w.Properties[name] != "" }
		if !slices.ContainsFunc(strings.Split(names, " or "), has) {
			problems = append(problems, fmt.Sprintf("of type %s has no properties.%s", *w.Type, names))
		}
	}
	if w.Properties == nil && len(required[*w.Type]) == 0 {
		problems = append(problems, "has no properties")
	}
	if (w.X == nil) != (w.Y == nil) {
		problems = append(problems, "has one of x and y; CloudWatch wants both or neither")
	}
	inside := func(name string, value *float64, least, most float64) {
		if value != nil && (*value < least || *value > most) {
			problems = append(problems, fmt.Sprintf("has %s %v; CloudWatch takes %v to %v", name, *value, least, most))
		}
	}
	inside("x", w.X, 0, 23)
	inside("width", w.Width, 1, 24)
	inside("height", w.Height, 1, 1000)
	return problems
}
