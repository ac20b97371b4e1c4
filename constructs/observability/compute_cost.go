package observability

import (
	"fmt"
	"strconv"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/price"
)

// The architectures that compute is compared on.
const (
	arm = "arm64"
	x86 = "x86"
)

// bill is what a gateway's compute costs in each period, on an architecture and by list price: an expression and what it
// is of. Its ids end in a suffix.
type bill struct {
	text  string
	using metrics
}

// priced tells the bill of a gateway; an error names what has no price in the Region. Prices are of package price, as those
// of pipeline cost, so that the two cannot differ.
func (s scope) priced(g Gateway, prices *price.List, region, architecture string, period time.Duration) (bill, error) {
	var missing error
	usd := func(key string) string {
		p, ok := prices.Find(key, region)
		if !ok && missing == nil {
			missing = fmt.Errorf("no price is known of %s in %s", key, region)
		}
		return number(p.USD)
	}
	id := idOf(g.Variant)
	var b bill
	switch {
	case g.Function != nil:
		f := g.Function
		b = bill{fmt.Sprintf("ms%s / 1000 * %s * %s + runs%s * %s", id, number(float64(f.MemoryMB)/1024), usd("lambda.gbSecond."+architecture), id, usd("lambda.request")),
			metrics{"ms" + id: f.metric(s, "Duration", "Sum", period), "runs" + id: f.metric(s, "Invocations", "Sum", period)}}
	case g.Tasks != nil:
		t := g.Tasks
		b = bill{fmt.Sprintf("tasks%s * PERIOD(tasks%s) / 3600 * (%s * %s + %s * %s)", id, id, number(float64(t.CPU)/1024), usd("fargate.vcpuHour."+architecture),
			number(float64(t.MemoryMB)/1024), usd("fargate.gbHour."+architecture)),
			metrics{"tasks" + id: t.metric(s, "ECS/ContainerInsights", "RunningTaskCount", "Average", period)}}
	case g.Group != nil:
		i := g.Group
		kind := i.Type
		if architecture == x86 {
			peer, ok := prices.X86(i.Type)
			if !ok {
				return b, fmt.Errorf("no x86 type is known to be of the same shape as %s", i.Type)
			}
			kind = peer
		}
		b = bill{fmt.Sprintf("instances%s * PERIOD(instances%s) / 3600 * (%s + %s * %s / %d)", id, id, usd("ec2."+kind), number(float64(i.DiskGB)), usd("ebs.gp3"), price.HoursPerMonth),
			metrics{"instances" + id: i.metric(s, "AWS/AutoScaling", "GroupInServiceInstances", "Average", period)}}
	default:
		return b, fmt.Errorf("it is not known what %s computes on", g.Variant)
	}
	return b, missing
}

// number is a figure as metric math takes it, without an exponent.
func number(of float64) string { return strconv.FormatFloat(of, 'f', -1, 64) }
