package metrics_test

import (
	"fmt"
	"strings"
	"testing"
)

// counted is what AWS counts in a minute, by the names of its metrics.
type counted map[string]float64

// throughout is the same in each of the minutes before at.
func throughout(minutes int, c counted) map[int]counted {
	all := map[int]counted{}
	for back := 1; back <= minutes; back++ {
		all[back] = c
	}
	return all
}

// ago is the same in some minutes, counted back from at; there is no data between.
func ago(c counted, back ...int) map[int]counted {
	all := map[int]counted{}
	for _, b := range back {
		all[b] = c
	}
	return all
}

// alarmSaying is the one alarm of a stack whose description begins so.
func alarmSaying(stack, says string) (alarm, error) {
	s, err := built.assembly.Stack(stack)
	if err != nil {
		return alarm{}, err
	}
	var found []alarm
	for _, a := range alarmsOf(s) {
		if strings.HasPrefix(a.description, says) {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		return alarm{}, fmt.Errorf("%s has %d alarms that begin with %q", stack, len(found), says)
	}
	return found[0], nil
}

// Alarms on what AWS counts, in whichever stack, go off exactly when they should, by the templates.
func TestAlarmsOnWhatAWSCountsGoOffWhenTheyShould(t *testing.T) {
	const watching, watch = "prod-us-east-1/observability", "prod-global/watch"
	const crashes, turnedAway, api = "More than 1 % of the runs", "Lambda turns requests away", "API Gateway answers more than 1 %"
	const rollback, unhealthy = "Percent of the gateway's requests that failed", "Route 53 finds containers.gateway.example.com in us-east-1"
	const late, failed, arrivals = "Copies of objects", "S3 cannot copy", "Callers arrive in the secondary Region"
	for _, tt := range []struct {
		name        string
		stack, says string
		happens     map[int]counted
		want        bool
	}{
		{"no run", watching, crashes, nil, false},
		{"no run, said in so many words", watching, crashes, throughout(60, counted{"Errors": 0, "Invocations": 0}), false},
		{"the only run crashes", watching, crashes, ago(counted{"Errors": 1, "Invocations": 1}, 2), false}, // the program's own hour finds it
		{"the only runs crash, with gaps between", watching, crashes, ago(counted{"Errors": 1, "Invocations": 1}, 7, 5, 3, 1), true},
		{"0.9 % of the runs crash", watching, crashes, throughout(60, counted{"Errors": 9, "Invocations": 1000}), false},
		{"1.1 % of the runs crash", watching, crashes, throughout(60, counted{"Errors": 11, "Invocations": 1000}), true},
		{"turned away in two minutes", watching, turnedAway, ago(counted{"Throttles": 5}, 1, 3), false},
		{"turned away in three minutes", watching, turnedAway, ago(counted{"Throttles": 5}, 1, 3, 4), true},
		{"nobody calls the API", watching, api, throughout(60, counted{"5XXError": 0, "Count": 0}), false},
		{"0.9 % of the API's answers", watching, api, throughout(60, counted{"5XXError": 9, "Count": 1000}), false},
		{"1.1 % of the API's answers", watching, api, throughout(60, counted{"5XXError": 11, "Count": 1000}), true},
		{"a release: two errors in two requests", "prod-us-east-1/containers", rollback, throughout(3, counted{"Errors": 2, "Requests": 2}), false},
		{"a release: three in three, once", "prod-us-east-1/containers", rollback, ago(counted{"Errors": 3, "Requests": 3}, 1), false},
		{"a release: three in three, twice", "prod-us-east-1/containers", rollback, ago(counted{"Errors": 3, "Requests": 3}, 1, 3), true},
		{"a release: 5 % of many", "prod-us-east-1/containers", rollback, throughout(3, counted{"Errors": 50, "Requests": 1000}), false},
		{"a release without callers", "prod-us-east-1/containers", rollback, nil, false},
		{"healthy", watch, unhealthy, throughout(10, counted{"HealthCheckStatus": 1}), false},
		{"unhealthy", watch, unhealthy, throughout(3, counted{"HealthCheckStatus": 0}), true},
		{"Route 53 says nothing", watch, unhealthy, nil, true},
		{"copies are 4 minutes late", "prod-us-west-2-copies/data", late, throughout(10, counted{"ReplicationLatency": 240}), false},
		{"copies are 6 minutes late", "prod-us-west-2-copies/data", late, throughout(10, counted{"ReplicationLatency": 360}), true},
		{"nothing cannot be copied", "prod-us-east-1/data", failed, nil, false},
		{"an object cannot be copied", "prod-us-east-1/data", failed, ago(counted{"OperationsFailedReplication": 1}, 1), true},
		{"nobody arrives", "prod-us-west-2/containers", arrivals, nil, false},
		{"somebody arrives", "prod-us-west-2/containers", arrivals, ago(counted{"Requests": 1}, 1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := alarmSaying(tt.stack, tt.says)
			if err != nil {
				t.Fatal(err)
			}
			data, read := series{}, map[string]bool{}
			for _, q := range a.queries {
				if q.expression != "" {
					continue
				}
				for back, minute := range tt.happens {
					if value, ok := minute[q.metric.Name]; ok {
						data.add(q.metric, at-back, value)
						read[q.metric.Name] = true
					}
				}
			}
			for _, minute := range tt.happens {
				if len(read) != len(minute) {
					t.Fatalf("the alarm reads %v of %v", read, minute)
				}
			}
			if got, err := a.raised(data, at); err != nil || got != tt.want {
				t.Errorf("raised is %t, %v; want %t", got, err, tt.want)
			}
		})
	}
}
