package diff

import (
	"fmt"
	"strconv"
	"strings"
)

// judgeAlarms finds alarms that are gone, silenced, or sound later than before.
func judgeAlarms(s side) []Finding {
	var found []Finding
	for id, r := range s.before.Resources {
		if r.Type != "AWS::CloudWatch::Alarm" && r.Type != "AWS::CloudWatch::CompositeAlarm" {
			continue
		}
		if !s.had(id) {
			found = append(found, Finding{Category: Alarm, Resource: id, Summary: "the alarm is removed"})
			continue
		}
		found = append(found, s.alarm(id)...)
	}
	return found
}

// alarm compares one alarm on both sides.
func (s side) alarm(id string) []Finding {
	before, after := texter{s.before}, texter{s.after}
	var found []Finding
	warn := func(may bool, format string, args ...any) {
		found = append(found, Finding{Category: Alarm, Resource: id, May: may, Summary: fmt.Sprintf(format, args...)})
	}
	if was, is := before.property(id, "ActionsEnabled"), after.property(id, "ActionsEnabled"); was != is && is != "true" && is != "" {
		warn(!literal(is), "the alarm tells nobody any more (ActionsEnabled)")
	}
	if was, is := targets(before, id), targets(after, id); len(was) > 0 && len(is) == 0 {
		warn(false, "the alarm tells nobody any more (AlarmActions)")
	}
	for _, name := range []string{"Threshold", "EvaluationPeriods", "DatapointsToAlarm", "Period"} {
		was, is := before.property(id, name), after.property(id, name)
		if was == is {
			continue
		}
		a, errA := strconv.ParseFloat(was, 64)
		b, errB := strconv.ParseFloat(is, 64)
		less := strings.HasPrefix(after.property(id, "ComparisonOperator"), "Less") && name == "Threshold"
		switch {
		case errA != nil || errB != nil:
			warn(true, "the alarm may sound later: %s is %s, was %s", name, orNone(is), orNone(was))
		case less && b < a, !less && b > a:
			warn(false, "the alarm sounds later: %s is %s, was %s", name, is, was)
		}
	}
	for _, name := range []string{"ComparisonOperator", "TreatMissingData", "Statistic", "ExtendedStatistic", "MetricName", "Namespace", "Dimensions", "Metrics", "AlarmRule", "ThresholdMetricId"} {
		if before.property(id, name) != after.property(id, name) {
			warn(true, "the alarm watches something else: %s changes", name)
		}
	}
	return found
}

func targets(t texter, id string) []any {
	return list(at(t.stack.Resources[id].Properties, "AlarmActions"))
}
