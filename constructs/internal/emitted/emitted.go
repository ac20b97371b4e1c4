// Package emitted names the program's metrics to CDK by the contract of runtime/metric: name, unit and dimensions.
//
// It must not know what runs the program, nor who looks at the metrics.
package emitted

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

// Metric is a metric as emitted under the dimensions environment and variant, and that of the model unless it is empty.
// Counts and costs are summed, milliseconds read at the 95th percentile, unless options, which may be nil, say otherwise.
func Metric(environment, variant, model string, m metric.Metric, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	statistic := "Sum"
	if m.Unit == metric.Milliseconds {
		statistic = "p95"
	}
	dimensions := map[string]*string{metric.DimEnvironment: jsii.String(environment), metric.DimVariant: jsii.String(variant)}
	if model != "" {
		dimensions[metric.DimModel] = jsii.String(model)
	}
	named := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(metric.Namespace),
		MetricName:    jsii.String(m.Name),
		Statistic:     jsii.String(statistic),
		Unit:          unit(m.Unit),
		DimensionsMap: &dimensions,
	})
	if options == nil {
		return named
	}
	return named.With(options)
}

func unit(u metric.Unit) awscloudwatch.Unit {
	switch u {
	case metric.Milliseconds:
		return awscloudwatch.Unit_MILLISECONDS
	case metric.Count:
		return awscloudwatch.Unit_COUNT
	default:
		return awscloudwatch.Unit_NONE
	}
}
