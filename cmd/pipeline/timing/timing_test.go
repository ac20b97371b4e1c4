package timing

import (
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	singles := []synthesis{
		{names: []string{"dev"}, took: []time.Duration{9 * time.Second, 4 * time.Second, 5 * time.Second}, stacks: 1, resources: 20},
		{names: []string{"prod"}, took: []time.Duration{12 * time.Second, 11 * time.Second, 10 * time.Second}, stacks: 2, resources: 50},
	}
	const table = `ENVIRONMENTS   STACKS   RESOURCES   SECONDS
dev            1        20          4.0
prod           2        50          10.0
dev,prod       3        70          `
	tests := []struct {
		name string
		took time.Duration
		want string
	}{
		{"at the limit", 14 * time.Second, table + "14.0\nAll at once takes 1.40 times the slowest alone (prod). That is within the limit of 14.0 s: 1.3 times that one, and 1 s for each of 1 further stacks.\n"},
		{"above", 14*time.Second + time.Millisecond, table + "14.0\nAll at once takes 1.40 times the slowest alone (prod). That is ABOVE the limit of 14.0 s: 1.3 times that one, and 1 s for each of 1 further stacks.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got strings.Builder
			err := report(&got, singles, synthesis{names: []string{"dev", "prod"}, took: []time.Duration{test.took}, stacks: 3, resources: 70})
			if err != nil || got.String() != test.want {
				t.Errorf("got %v\n%s\nwant\n%s", err, got.String(), test.want)
			}
		})
	}
}
