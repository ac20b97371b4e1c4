package observability

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// The grid of CloudWatch is 24 wide.
const (
	gridWidth    = 24
	widgetHeight = 6
)

// The texts that CloudWatch replaces by what is chosen at the top of a dashboard.
const (
	anyVariant = "ChosenVariant"
	anyModel   = "ChosenModel"
)

// line is one of a graph, by the label it has there.
func line(label string, of awscloudwatch.IMetric) awscloudwatch.IMetric {
	if m, ok := of.(awscloudwatch.Metric); ok {
		return m.With(&awscloudwatch.MetricOptions{Label: jsii.String(label)})
	}
	return of
}

// target is a line that is aimed to be below of.
func target(value float64, says string) *[]*awscloudwatch.HorizontalAnnotation {
	return &[]*awscloudwatch.HorizontalAnnotation{{Value: jsii.Number(value), Label: jsii.String(says), Color: awscloudwatch.Color_RED()}}
}

func targetOf(d time.Duration) *[]*awscloudwatch.HorizontalAnnotation {
	return target(float64(d.Milliseconds()), fmt.Sprintf("target %s", d))
}

// graph is a widget of lines from 0 up, of a unit, as wide as a third of the dashboard.
func graph(title, unit string, lines []awscloudwatch.IMetric, targets *[]*awscloudwatch.HorizontalAnnotation) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Left: &lines, LeftAnnotations: targets, Width: jsii.Number(gridWidth / 3), Height: jsii.Number(widgetHeight),
		LeftYAxis: &awscloudwatch.YAxisProps{Min: jsii.Number(0), Label: jsii.String(unit), ShowUnits: jsii.Bool(false)},
	})
}

// figures are single numbers over the whole time that is looked at.
func figures(title string, lines []awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewSingleValueWidget(&awscloudwatch.SingleValueWidgetProps{
		Title: jsii.String(title), Metrics: &lines, SetPeriodToTimeRange: jsii.Bool(true), Width: jsii.Number(gridWidth / 3), Height: jsii.Number(widgetHeight),
	})
}

func text(markdown string, height int) awscloudwatch.IWidget {
	return awscloudwatch.NewTextWidget(&awscloudwatch.TextWidgetProps{Markdown: jsii.String(markdown), Width: jsii.Number(gridWidth), Height: jsii.Number(height)})
}

// query is a table of what CloudWatch Logs Insights finds in the logs, half as wide as the dashboard. Tenants are read so,
// for as a dimension each would be a metric of its own.
func query(title string, groups []*string, lines ...string) awscloudwatch.IWidget {
	return awscloudwatch.NewLogQueryWidget(&awscloudwatch.LogQueryWidgetProps{
		Title: jsii.String(title), LogGroupNames: &groups, QueryLines: jsii.Strings(lines...), View: awscloudwatch.LogQueryVisualizationType_TABLE,
		Width: jsii.Number(gridWidth / 2), Height: jsii.Number(widgetHeight),
	})
}

// choice lets a person choose what a text in the dashboard stands for; the first of several is chosen at the start.
func choice(id, label, stands string, values []string) awscloudwatch.IVariable {
	var offered []*awscloudwatch.VariableValue
	for _, v := range values {
		offered = append(offered, &awscloudwatch.VariableValue{Value: jsii.String(v), Label: jsii.String(v)})
	}
	return awscloudwatch.NewDashboardVariable(&awscloudwatch.DashboardVariableOptions{
		Id: jsii.String(id), Label: jsii.String(label), Type: awscloudwatch.VariableType_PATTERN, Value: jsii.String(stands), Visible: jsii.Bool(true),
		InputType: awscloudwatch.VariableInputType_SELECT, DefaultValue: awscloudwatch.DefaultValue_Value(offered[0].Value),
		Values: awscloudwatch.Values_FromValues(offered...),
	})
}

// board makes a dashboard of rows.
func board(parent constructs.Construct, id, name string, variables []awscloudwatch.IVariable, rows [][]awscloudwatch.IWidget) awscloudwatch.Dashboard {
	var filled []*[]awscloudwatch.IWidget
	for i := range rows {
		if len(rows[i]) > 0 {
			filled = append(filled, &rows[i])
		}
	}
	props := &awscloudwatch.DashboardProps{DashboardName: jsii.String(name), Widgets: &filled, PeriodOverride: awscloudwatch.PeriodOverride_INHERIT}
	if len(variables) > 0 {
		props.Variables = &variables
	}
	return awscloudwatch.NewDashboard(parent, jsii.String(id), props)
}
