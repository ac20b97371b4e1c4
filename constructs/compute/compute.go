// Package compute runs the gateway: as a Lambda function, as containers or as instances. Each way is a construct with
// the same grants, metrics, role and log group around it, so that what is built on one can be moved to another.
//
// It must not know what is in front of it (constructs/edge), nor the environment files; what a program is told comes
// in as runtime/settings.
package compute

import (
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/emitted"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// gatewayMetric is a metric of the program over all models.
func gatewayMetric(told settings.Settings, m metric.Metric, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return emitted.Metric(told.Environment, told.Variant, "", m, options)
}

// retention is a number of days as CloudWatch Logs names it; false for one it does not offer.
func retention(days int) (awslogs.RetentionDays, bool) {
	offered := map[int]awslogs.RetentionDays{
		1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
		7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
		60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS,
		120: awslogs.RetentionDays_FOUR_MONTHS, 150: awslogs.RetentionDays_FIVE_MONTHS,
		180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
		400: awslogs.RetentionDays_THIRTEEN_MONTHS, 545: awslogs.RetentionDays_EIGHTEEN_MONTHS,
		731: awslogs.RetentionDays_TWO_YEARS, 1096: awslogs.RetentionDays_THREE_YEARS,
		1827: awslogs.RetentionDays_FIVE_YEARS, 2192: awslogs.RetentionDays_SIX_YEARS,
		2557: awslogs.RetentionDays_SEVEN_YEARS, 2922: awslogs.RetentionDays_EIGHT_YEARS,
		3288: awslogs.RetentionDays_NINE_YEARS, 3653: awslogs.RetentionDays_TEN_YEARS,
	}
	found, ok := offered[days]
	return found, ok
}

// removal is the removal policy of what holds data or is needed to go back.
func removal(retain bool) awscdk.RemovalPolicy {
	if retain {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}

// variables is a program's settings as CDK takes environment variables.
func variables(told settings.Settings) *map[string]*string {
	converted := map[string]*string{}
	for name, text := range told.Encode() {
		converted[name] = jsii.String(text)
	}
	return &converted
}

// wrong lists what a program would refuse to start with, and targets that no model access covers.
func wrong(told settings.Settings, granted func(settings.Target) bool) []string {
	encoded := known(told).Encode()
	var problems []string
	if _, err := settings.Load(func(name string) string { return encoded[name] }); err != nil {
		problems = append(problems, "Settings: "+err.Error())
	}
	for _, alias := range told.Aliases {
		if i := slices.IndexFunc(alias.Targets, func(t settings.Target) bool { return !granted(t) }); i >= 0 {
			t := alias.Targets[i]
			problems = append(problems, "Models: nothing grants "+t.Model+" in "+t.Region+", which alias "+alias.Name+" calls")
		}
	}
	return problems
}

// known is what is told without the profiles that CloudFormation has yet to make.
func known(told settings.Settings) settings.Settings {
	told.Aliases = slices.Clone(told.Aliases)
	for i := range told.Aliases {
		targets := slices.Clone(told.Aliases[i].Targets)
		for j, t := range targets {
			if *awscdk.Token_IsUnresolved(t.Profile) {
				targets[j].Profile = ""
			}
		}
		told.Aliases[i].Targets = targets
	}
	return told
}

// unmade is how many bytes more the settings have once CloudFormation has made their profiles.
func unmade(told settings.Settings) int {
	bytes := 0
	for _, alias := range told.Aliases {
		for _, t := range alias.Targets {
			if *awscdk.Token_IsUnresolved(t.Profile) {
				bytes += max(0, settings.ProfileARNBytes-len(t.Profile))
			}
		}
	}
	return bytes
}
