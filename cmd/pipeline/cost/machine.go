package cost

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/constructs/price"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// machine is what a variant computes on.
type machine interface {
	// architecture is the one that the template asks for.
	architecture() string
	// shape describes it under a load.
	shape(Load) string
	// peer describes the same shape on x86.
	peer(p *pricing) string
	// compute is what a million requests cost on an architecture, on demand.
	compute(p *pricing, architecture string) Part
	// levers are what would change that cost.
	levers(p *pricing) []Part
}

// machine reads the program's.
func (p *pricing) machine() machine {
	switch p.program.variant {
	case settings.VariantContainers:
		if t, why := tasksOf(p.stack, p.program.resource); why == "" {
			return t
		}
	case settings.VariantInstances:
		if g, why := instancesOf(p.stack, p.program.resource); why == "" {
			return g
		}
	default:
		f := lambda{memoryMB: 128, arch: x86} // Lambda's own defaults
		if memory, err := p.stack.Int(p.program.resource, "MemorySize"); err == nil && memory > 0 {
			f.memoryMB = memory
		}
		if list, _ := property(p.program.resource, "Architectures").([]any); len(list) == 1 && list[0] == "arm64" {
			f.arch = arm
		}
		return f
	}
	return unread{}
}

// compare puts the compute beside the same shape on x86. Where the template asks for x86 itself, nothing is saved.
func compare(m machine, p *pricing, own Part, v Variant) X86 {
	compute := m.compute(p, x86)
	result := X86{Shape: m.peer(p), Compute: compute.USD}
	if own.USD == nil || compute.USD == nil || *compute.USD == 0 {
		return result
	}
	saved := *compute.USD - *own.USD
	percent := func(of float64) *float64 { value := 100 * saved / of; return &value }
	result.Saving = percent(*compute.USD)
	result.OfOwn = percent(v.Own.USD + saved)
	if v.Tokens.USD != nil {
		result.OfAll = percent(v.Own.USD + *v.Tokens.USD + saved)
	}
	return result
}

// lambda is a function, billed for the whole run; a gateway's run is the wait for the model.
type lambda struct {
	memoryMB int
	arch     string
}

func (f lambda) architecture() string { return f.arch }

func (f lambda) shape(Load) string { return fmt.Sprintf("%d MB, %s", f.memoryMB, f.arch) }

func (f lambda) peer(*pricing) string { return fmt.Sprintf("%d MB, %s", f.memoryMB, x86) }

func (f lambda) compute(p *pricing, architecture string) Part {
	gb := float64(f.memoryMB) / 1024
	run := p.part("compute", gb*p.load.Seconds*1e6, "lambda.gbSecond."+architecture, fmt.Sprintf("%v s at %d MB, and the requests", p.load.Seconds, f.memoryMB))
	requests := p.part("requests", 1e6, "lambda.request", "")
	if run.USD == nil || requests.USD == nil {
		return Part{Item: "compute", Basis: NoPrice + ": Lambda on " + architecture + " in " + p.stack.Region}
	}
	*run.USD += *requests.USD
	return run
}

// levers: the same run in less memory. A run is a wait, so that its time hardly depends on the memory.
func (f lambda) levers(p *pricing) []Part {
	parts := []Part{planned("lambda.gbSecond." + f.arch)}
	if half := f.memoryMB / 2; half >= 128 {
		part := lambda{half, f.arch}.compute(p, f.arch)
		part.Item = fmt.Sprintf("right-sizing: half the memory, %d MB", half)
		parts = append(parts, part)
	}
	return parts
}

// planned is the lever of a Savings Plan without a price.
func planned(key string) Part {
	return Part{Item: "Savings Plan", Basis: NoPrice + ": " + key + " under a plan"}
}

func (t tasks) architecture() string { return t.arch }

func (t tasks) shape(l Load) string {
	return fmt.Sprintf("%d tasks of %v vCPU and %v GB, %s", t.under(l.RequestsPerSecond), t.cpu, t.gb, t.arch)
}

func (t tasks) peer(p *pricing) string {
	t.arch = x86
	return t.shape(p.load)
}

// compute counts every task on demand: there is no list price of Spot.
func (t tasks) compute(p *pricing, architecture string) Part {
	many := t.under(p.load.RequestsPerSecond)
	basis := fmt.Sprintf("%d tasks at every moment", many)
	if _, spot := t.split(many); spot > 0 {
		basis += fmt.Sprintf(", %d of them on Spot but priced on demand", spot)
	}
	return t.hours(p, "compute", architecture, float64(many), basis)
}

func (t tasks) hours(p *pricing, item, kind string, many float64, basis string) Part {
	hours := p.million(many * price.HoursPerMonth)
	part := p.part(item, hours*t.cpu, "fargate.vcpuHour."+kind, basis)
	memory := p.part(item, hours*t.gb, "fargate.gbHour."+kind, basis)
	if part.USD == nil || memory.USD == nil {
		return Part{Item: item, Basis: NoPrice + ": Fargate, " + kind + ", in " + p.stack.Region}
	}
	*part.USD += *memory.USD
	return part
}

func (t tasks) levers(p *pricing) []Part {
	many := t.under(p.load.RequestsPerSecond)
	parts := []Part{
		{Item: "Spot", Basis: NoPrice + ": it moves with supply"},
		t.hours(p, "Savings Plan, 3 years, nothing upfront", t.arch+".plan3yNoUpfront", float64(many), "all tasks of this load"),
		t.hours(p, "Savings Plan, 1 year, all upfront", t.arch+".plan1yAllUpfront", float64(many), "all tasks of this load"),
	}
	// Fargate takes a quarter of a CPU at least, and two to eight GB for each CPU.
	if half := t; t.cpu >= 0.5 {
		half.cpu, half.gb = t.cpu/2, t.gb/2
		part := half.compute(p, t.arch)
		part.Item = fmt.Sprintf("right-sizing: half the task, %v vCPU and %v GB", half.cpu, half.gb)
		parts = append(parts, part)
	}
	return parts
}

func (g instances) architecture() string {
	if graviton.MatchString(g.kind) {
		return arm
	}
	return x86
}

func (g instances) shape(l Load) string {
	return fmt.Sprintf("%d instances %s, %s", g.under(l.RequestsPerSecond), g.kind, g.architecture())
}

func (g instances) peer(p *pricing) string {
	kind, ok := p.prices.X86(g.kind)
	if g.architecture() == x86 {
		return g.shape(p.load)
	}
	if !ok {
		return "no x86 type is known to be of the same shape as " + g.kind
	}
	return fmt.Sprintf("%d instances %s, x86", g.under(p.load.RequestsPerSecond), kind)
}

// compute is every instance on demand and its volume.
func (g instances) compute(p *pricing, architecture string) Part {
	kind := g.kind
	if architecture != g.architecture() {
		kind, _ = p.prices.X86(g.kind)
	}
	many := g.under(p.load.RequestsPerSecond)
	basis := fmt.Sprintf("%d instances at every moment, with %v GB each", many, g.gp3)
	if _, spot := g.split(many); spot > 0 {
		basis += fmt.Sprintf(", %d of them on Spot but priced on demand", spot)
	}
	part := p.part("compute", p.million(float64(many)*price.HoursPerMonth), "ec2."+kind, basis)
	disk := p.part("volumes", p.million(float64(many)*g.gp3), "ebs.gp3", "")
	if part.USD == nil || disk.USD == nil {
		return Part{Item: "compute", Basis: NoPrice + ": " + kind + " or its volume in " + p.stack.Region}
	}
	*part.USD += *disk.USD
	return part
}

// levers: of the Graviton types whose price is known, the cheapest.
func (g instances) levers(p *pricing) []Part {
	parts := []Part{{Item: "Spot", Basis: NoPrice + ": it moves with supply"}, planned("ec2." + g.kind)}
	best, usd := "", math.Inf(1)
	for _, each := range p.prices.All() {
		kind, isType := strings.CutPrefix(each.Key, "ec2.")
		if found, ok := p.prices.Find(each.Key, p.stack.Region); isType && graviton.MatchString(kind) && ok && found.USD < usd {
			best, usd = kind, found.USD
		}
	}
	if best != "" && best != g.kind {
		small := g
		small.kind = best
		part := small.compute(p, arm)
		part.Item = "right-sizing: the cheapest type with a known price, " + best
		parts = append(parts, part)
	}
	return parts
}

// graviton matches the family of a Graviton type, such as c8g or m7gd.
var graviton = regexp.MustCompile(`^[a-z]+[0-9]+g[a-z]*\.`)

// unread is a machine that the template does not describe.
type unread struct{}

func (unread) architecture() string { return arm }
func (unread) shape(Load) string    { return "not told by the template" }
func (unread) peer(*pricing) string { return "not told by the template" }
func (unread) compute(*pricing, string) Part {
	return Part{Item: "compute", Basis: NoPrice + ": the template does not tell the shape"}
}
func (unread) levers(*pricing) []Part { return nil }
