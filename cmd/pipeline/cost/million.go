package cost

import (
	"fmt"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/constructs/price"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// What one capacity unit of an Application Load Balancer takes; the dimension used most is billed. AWS's page on the
// prices of Elastic Load Balancing, read 2026-09-20 by third parties.
const (
	lcuConnections = 25   // new ones a second
	lcuActive      = 3000 // connections
	lcuGigabytes   = 1    // an hour
)

// Part is one item of what a million requests cost.
type Part struct {
	Item string   `json:"item"`
	USD  *float64 `json:"usd"` // nil where no price is known
	// Basis says how the figure comes about.
	Basis string `json:"basis"`
}

// Sum is a sum of parts.
type Sum struct {
	USD float64 `json:"usd"`
	// Unknown counts the parts that are not in the sum.
	Unknown int `json:"unknown"`
}

func (s *Sum) add(p Part) {
	if p.USD == nil {
		s.Unknown++
		return
	}
	s.USD += *p.USD
}

// Variant is what a million requests through one variant cost.
type Variant struct {
	Name  string `json:"name"`
	Stack string `json:"stack"`
	Shape string `json:"shape"` // such as "2 tasks of 1 vCPU and 2 GB, arm64"
	// Parts are without the tokens and without the shared stacks.
	Parts  []Part `json:"parts"`
	Own    Sum    `json:"own"`    // of Parts
	Shared Part   `json:"shared"` // the fixed cost of the stacks without a program, all of it
	Tokens Part   `json:"tokens"`
	X86    X86    `json:"x86"`
	// Levers are what else could change the compute.
	Levers []Part `json:"levers"`
	// asked are the models that Tokens is of.
	asked []catalog.Call
}

// X86 is the compute of the same shape on x86.
type X86 struct {
	Shape   string   `json:"shape"`
	Compute *float64 `json:"compute"` // of a million requests; nil where no price is known
	Saving  *float64 `json:"saving"`  // percent of that which arm64 saves; nil where one of both is not known
	// OfOwn and OfAll are the same saving in percent of all that the variant's stack costs, and with tokens.
	OfOwn *float64 `json:"ofOwn"`
	OfAll *float64 `json:"ofAll"`
}

// pricing works out a variant's million.
type pricing struct {
	prices  *price.List
	catalog *catalog.Catalog
	load    Load
	stack   *assembly.Stack
	program program
	fixed   Fixed
}

// million divides what a month costs by the requests of a month.
func (p *pricing) million(monthly float64) float64 { return monthly / p.load.millions() }

// part is a quantity for a million requests at a price.
func (p *pricing) part(item string, quantity float64, key, basis string) Part {
	part := Part{Item: item, Basis: basis}
	if found, ok := p.prices.Find(key, p.stack.Region); ok {
		usd := quantity * found.USD
		part.USD = &usd
	} else {
		part.Basis = fmt.Sprintf("%s: %s in %s", NoPrice, key, p.stack.Region)
	}
	return part
}

// variant works out everything about the program's variant. Shared is filled in by who knows all stacks.
func (p *pricing) variant() (Variant, error) {
	v := Variant{Name: p.program.variant, Stack: p.stack.ID}
	own := p.machine()
	v.Shape = own.shape(p.load)
	compute := own.compute(p, own.architecture())
	v.Parts = append(v.Parts, compute)
	v.Parts = append(v.Parts, p.entry()...)
	v.Parts = append(v.Parts, p.logs()...)
	v.Parts = append(v.Parts, p.standing())
	for _, part := range v.Parts {
		v.Own.add(part)
	}
	var err error
	if v.Tokens, v.asked, err = p.tokens(); err != nil {
		return v, err
	}
	v.X86 = compare(own, p, compute, v)
	v.Levers = own.levers(p)
	return v, nil
}

// entry is what stands before the program, for each request.
func (p *pricing) entry() []Part {
	var parts []Part
	public := false
	if len(p.stack.ByType("AWS::ApiGateway::RestApi")) > 0 {
		public = true
		parts = append(parts, p.part("API Gateway", 1e6, "apigateway.request", "one request each"))
	}
	for _, balancer := range p.stack.ByType("AWS::ElasticLoadBalancingV2::LoadBalancer") {
		scheme, _ := p.stack.String(balancer, "Scheme")
		public = public || scheme != "internal"
		gigabytesAnHour := p.load.RequestsPerSecond * 3600 * float64(p.load.RequestBytes+p.load.AnswerBytes) / 1e9
		units := max(p.load.RequestsPerSecond/lcuConnections, p.load.RequestsPerSecond*p.load.Seconds/lcuActive, gigabytesAnHour/lcuGigabytes)
		parts = append(parts, p.part("balancer's capacity", p.million(units*price.HoursPerMonth), "alb.lcuHour",
			fmt.Sprintf("%.2f units, were every request a new connection", units)))
	}
	if len(p.stack.ByType("AWS::WAFv2::WebACL")) > 0 {
		parts = append(parts, p.part("web ACL", 1e6, "waf.request", "one request each"))
	}
	if public {
		parts = append(parts, p.part("answers to the internet", gigabytes(p.load.AnswerBytes), "transfer.outGB",
			fmt.Sprintf("%d bytes each", p.load.AnswerBytes)))
	}
	if p.program.variant != settings.VariantServerless || property(p.program.resource, "VpcConfig") != nil {
		parts = append(parts, p.part("endpoint of Bedrock", gigabytes(p.load.RequestBytes+p.load.AnswerBytes), "endpoint.gb",
			fmt.Sprintf("%d bytes each, as many as with the caller", p.load.RequestBytes+p.load.AnswerBytes)))
	}
	return parts
}

// logs is a request's line in the log group of the program, and its storage until it is deleted.
func (p *pricing) logs() []Part {
	weight := gigabytes(p.load.LogBytes)
	parts := []Part{p.part("logs written", weight, "logs.gb", fmt.Sprintf("%d bytes each", p.load.LogBytes))}
	days := 0.0
	for _, group := range p.stack.ByType("AWS::Logs::LogGroup") {
		n, err := p.stack.Int(group, "RetentionInDays")
		if err != nil || n == 0 {
			return append(parts, Part{Item: "logs kept", Basis: NoPrice + ": they are kept for ever"})
		}
		days = max(days, float64(n))
	}
	// A month of AWS's is 730 hours.
	months := days * 24 / price.HoursPerMonth
	return append(parts, p.part("logs kept", weight*months, "logs.gbMonth", "for "+many(int(days), "day")+", uncompressed"))
}

// standing is the fixed cost of the variant's own stack, save for what machine has counted.
func (p *pricing) standing() Part {
	var monthly float64
	left := 0
	for _, l := range p.fixed.Lines {
		switch {
		case l.compute:
		case l.USD == nil:
			left++
		default:
			monthly += *l.USD
		}
	}
	usd := p.million(monthly)
	basis := fmt.Sprintf("$%.2f a month over %.2f million requests", monthly, p.load.millions())
	if left > 0 {
		basis += ", without " + many(left, "item") + " whose price is not known"
	}
	return Part{Item: "fixed cost of the stack", USD: &usd, Basis: basis}
}

// tokens is what the models cost, at the catalog's list price of each alias's first target.
func (p *pricing) tokens() (Part, []catalog.Call, error) {
	part := Part{Item: "tokens", Basis: fmt.Sprintf("%d in, %d out, %s", p.load.InputTokens, p.load.OutputTokens, p.load.Mix)}
	var usd float64
	var asked []catalog.Call
	for _, share := range p.load.Mix {
		i := indexOf(p.program.aliases, share.Alias)
		if i < 0 {
			return part, nil, fmt.Errorf("-mix %s: stack %s has no alias %q; it has %v", p.load.Mix, p.stack.ID, share.Alias, names(p.program.aliases))
		}
		call, err := p.catalog.Resolve(p.program.aliases[i].Targets[0].Model)
		if err != nil {
			return part, nil, fmt.Errorf("stack %s, alias %s: %w", p.stack.ID, share.Alias, err)
		}
		each, known := call.Price().Cost(p.load.usage())
		if !known {
			part.Basis = NoPrice + ": " + call.ID
			return part, nil, nil
		}
		asked = append(asked, call)
		usd += each * 1e6 * share.Percent / 100
	}
	part.USD = &usd
	return part, asked, nil
}

func indexOf(aliases []settings.Alias, name string) int {
	for i, a := range aliases {
		if a.Name == name && len(a.Targets) > 0 {
			return i
		}
	}
	return -1
}

func names(aliases []settings.Alias) []string {
	list := make([]string, len(aliases))
	for i, a := range aliases {
		list[i] = a.Name
	}
	return list
}
