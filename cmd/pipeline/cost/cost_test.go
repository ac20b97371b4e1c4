package cost_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
	"github.com/genai-pipeline/genai-pipeline/constructs/price"
)

func TestFixedCostByHand(t *testing.T) {
	r := report(t, write(t, "us-east-1", map[string]map[string]resource{"hand/network": network()}))
	d := r.Deployments[0]
	want := map[string]float64{
		"NAT gateways": 2 * 730 * 0.045, // 65.70
		// two of the NAT gateways and, for the balancer that faces the internet, one in each of its two zones
		"public IPv4 addresses":                  (2 + 2) * 730 * 0.005, // 14.60
		"interface endpoints, each in its zones": 2 * 3 * 730 * 0.01,    // two endpoints in three zones: 43.80
		"application load balancers":             2 * 730 * 0.0225,      // 32.85
		"web ACLs":                               5,
		"rules of web ACLs":                      2 * 1,
		"secrets, copies included":               2 * 0.40, // one, and its copy
		"KMS keys":                               1,
		"dashboards":                             3,
		"alarms, by metric":                      (1 + 2) * 0.10, // one metric, and the two of the rate
		"health checks":                          0.50,
		"options of health checks":               2 * 1, // HTTPS, and every 10 s
	}
	got := map[string]float64{}
	for _, l := range d.Stacks[0].Lines {
		if l.USD == nil {
			t.Errorf("%s has no price: %s", l.Item, l.Why)
			continue
		}
		got[l.Item] = *l.USD
	}
	for item, usd := range want {
		if !near(got[item], usd) {
			t.Errorf("%s: got $%v, by hand $%v", item, got[item], usd)
		}
		delete(got, item)
	}
	if len(got) > 0 {
		t.Errorf("not expected: %v", got)
	}
	// 65.70+14.60+43.80+32.85+5+2+0.80+1+3+0.30+0.50+2
	if !near(d.USD, 171.55) {
		t.Errorf("all of it: got $%v, by hand $171.55", d.USD)
	}
}

func TestAMillionRequestsThroughServerlessByHand(t *testing.T) {
	r := report(t, write(t, "us-east-1", map[string]map[string]resource{"hand/serverless": serverless(), "hand/network": network()}))
	v := variant(t, r, "serverless")
	const requests = 10 * 3600 * 730 / 1e6 // 26.28 million a month
	for item, usd := range map[string]float64{
		"compute":                 1.0*3*1e6*0.0000133334 + 1e6*0.0000002, // 40.0002 for the runs and 0.20 for the requests
		"API Gateway":             3.50,
		"web ACL":                 0.60,
		"answers to the internet": 30 * 0.09,                           // 30,000 bytes each are 30 GB
		"logs written":            2 * 0.50,                            // 2,000 bytes each are 2 GB
		"logs kept":               2 * (365 * 24 / 730.) * 0.03,        // 12 months
		"fixed cost of the stack": (5 + (metrics*4+1)*0.30) / requests, // the web ACL; the metrics of requests, without an alias and with three, and one of the program
	} {
		if got := part(t, v.Parts, item); !near(got, usd) {
			t.Errorf("%s: got $%v, by hand $%v", item, got, usd)
		}
	}
	// haiku 0.1 and 0.5 $ a million tokens, sonnet 2 and 10, opus 4 and 20
	tokens := 0.80*(1000*0.1+300*0.5) + 0.15*(1000*2+300*10) + 0.05*(1000*4+300*20)
	if !near(*v.Tokens.USD, tokens) || !near(tokens, 1450) {
		t.Errorf("tokens: got $%v, by hand $%v", *v.Tokens.USD, tokens)
	}
	if want := 171.55 / requests; !near(*v.Shared.USD, want) {
		t.Errorf("shared stacks: got $%v, by hand $%v", *v.Shared.USD, want)
	}
	x86 := 3*1e6*0.0000166667 + 0.20
	if !near(*v.X86.Compute, x86) || !near(*v.X86.Saving, 100*(x86-40.2002)/x86) || fmt.Sprintf("%.1f", *v.X86.Saving) != "19.9" {
		t.Errorf("on x86: got $%v and %v %% saved, by hand $%v", *v.X86.Compute, *v.X86.Saving, x86)
	}
	if got, want := part(t, v.Levers, "right-sizing"), 0.5*3*1e6*0.0000133334+0.20; !near(got, want) {
		t.Errorf("half the memory: got $%v, by hand $%v", got, want)
	}
}

func TestContainersByHand(t *testing.T) {
	a := write(t, "us-east-1", map[string]map[string]resource{"hand/containers": containers()})
	v := variant(t, report(t, a), "containers")
	const requests = 10 * 3600 * 730 / 1e6
	// two tasks of 1 vCPU and 2 GB, for 600 requests a minute ask for one
	if got, want := part(t, v.Parts, "compute"), 2*730*(0.03238+2*0.00356)/requests; !near(got, want) {
		t.Errorf("compute: got $%v, by hand $%v", got, want)
	}
	if want := 2 * 730 * (0.04048 + 2*0.004445) / requests; !near(*v.X86.Compute, want) {
		t.Errorf("on x86: got $%v, by hand $%v", *v.X86.Compute, want)
	}
	// 10 new connections a second of 25; 30 at once of 3000; 10*3600*35,000 bytes an hour, 1.26 GB of 1: that is the most
	if got, want := part(t, v.Parts, "balancer's capacity"), 1.26*730*0.008/requests; !near(got, want) {
		t.Errorf("capacity: got $%v, by hand $%v", got, want)
	}
	for _, p := range v.Parts {
		if p.Item == "answers to the internet" {
			t.Error("an internal balancer sends nothing to the internet")
		}
	}
	// 25 a second are 1500 a minute, so three tasks; the third is on Spot or on demand, and priced on demand
	v = variant(t, report(t, a, func(l *cost.Load) { l.RequestsPerSecond = 25 }), "containers")
	if got, want := part(t, v.Parts, "compute"), 3*730*(0.03238+2*0.00356)/(2.5*requests); !near(got, want) {
		t.Errorf("compute at 25 a second: got $%v, by hand $%v", got, want)
	}
}

func TestTasksOnSpotHaveNoPrice(t *testing.T) {
	stack := containers()
	stack["Target"]["Properties"].(resource)["MinCapacity"] = 6
	d := report(t, write(t, "us-east-1", map[string]map[string]resource{"hand/containers": stack})).Deployments[0]
	lines := map[string]cost.Line{}
	for _, l := range d.Stacks[0].Lines {
		lines[l.Item] = l
	}
	// of six, two are the base, and two of the other four
	if l := lines["tasks at least, virtual CPUs"]; !near(l.Quantity, 4*730) {
		t.Errorf("on demand: got %v vCPU-hours, by hand %v", l.Quantity, 4*730)
	}
	if l, ok := lines["tasks on Fargate Spot"]; !ok || l.USD != nil || d.Unknown != 1 {
		t.Errorf("Spot: got %+v, %d unknown", l, d.Unknown)
	}
	if note := d.Stacks[0].Note(); note != "without 1 item whose price is not known" {
		t.Errorf("got the note %q", note)
	}
}

func TestInstancesByHand(t *testing.T) {
	v := variant(t, report(t, write(t, "us-east-1", map[string]map[string]resource{"hand/instances": instanceGroup("c8g.large")})), "instances")
	const requests = 10 * 3600 * 730 / 1e6
	own, other := (2*730*0.07976+2*12*0.08)/requests, (2*730*0.08925+2*12*0.08)/requests
	if got := part(t, v.Parts, "compute"); !near(got, own) || !near(*v.X86.Compute, other) {
		t.Errorf("got $%v and on x86 $%v, by hand $%v and $%v", got, *v.X86.Compute, own, other)
	}
	if want := (metrics*4 + 1 + 2) * 0.30 / requests; !near(part(t, v.Parts, "fixed cost of the stack"), want) {
		t.Errorf("metrics with those of the archive: got $%v, by hand $%v", part(t, v.Parts, "fixed cost of the stack"), want)
	}
}

func TestWhatNobodyCanPointToHasNoFigure(t *testing.T) {
	stacks := map[string]map[string]resource{"hand/network": network(), "hand/serverless": serverless(), "hand/instances": instanceGroup("x9g.large"), "hand/containers": containers()}
	stacks["hand/network"]["Database"] = of("AWS::RDS::DBInstance", nil)
	r := report(t, write(t, "eu-central-1", stacks))
	d := r.Deployments[0]
	if v := variant(t, r, "serverless"); part(t, v.Parts, "compute") != -1 || v.X86.Saving != nil || v.Own.Unknown == 0 {
		t.Errorf("serverless in a Region without prices: %+v", v)
	}
	if v := variant(t, r, "instances"); part(t, v.Parts, "compute") != -1 || v.X86.Compute != nil {
		t.Errorf("an unknown instance type: %+v", v)
	}
	if v := variant(t, r, "containers"); part(t, v.Parts, "compute") != -1 || part(t, v.Levers, "right-sizing") != -1 {
		t.Errorf("containers in a Region without prices: %+v", v)
	}
	// WAF, Route 53 and dashboards cost the same everywhere; two web ACLs, two rules, a check with two options
	if want := 5. + 5 + 2 + 0.50 + 2 + 3; !near(d.USD, want) {
		t.Errorf("got $%v, by hand $%v", d.USD, want)
	}
	for name, text := range map[string]string{"text": r.Text(), "markdown": r.Markdown()} {
		for _, want := range []string{"no price known: nat.hour in eu-central-1", "Not priced: RDS::DBInstance (1)", "Lambda::Function (1)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", name, want, text)
			}
		}
	}
}

func TestASavingsPlanIsPricedWhereItsPriceIsKnown(t *testing.T) {
	v := variant(t, report(t, write(t, "us-west-2", map[string]map[string]resource{"hand/containers": containers()})), "containers")
	const requests = 10 * 3600 * 730 / 1e6
	if got, want := part(t, v.Levers, "Savings Plan, 3 years"), 2*730*(0.01749+2*0.00192)/requests; !near(got, want) {
		t.Errorf("got $%v, by hand $%v", got, want)
	}
	if got := part(t, v.Levers, "Spot"); got != -1 {
		t.Errorf("Spot costs $%v", got)
	}
}

func TestPricesOlderThanAYearWarn(t *testing.T) {
	a := write(t, "us-east-1", map[string]map[string]resource{"hand/network": network()})
	if r := report(t, a); len(r.Warnings) > 0 {
		t.Errorf("on %s: %v", today, r.Warnings)
	}
	// WAF's is of 2026-01-07, the others of July and later
	r, err := cost.Of(a, cost.DefaultLoad(), time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) != 3 || !strings.HasPrefix(r.Warnings[0], "waf.acl is a price of 2026-01-07, more than a year ago: https://") {
		t.Errorf("got %q", r.Warnings)
	}
	if !strings.Contains(r.Text(), "Warning: waf.acl") {
		t.Error("the text does not warn")
	}
}

// The catalog's prices were read on 2026-10-24. Each model is warned of once, whatever the variants.
func TestTokenPricesOlderThanAYearWarn(t *testing.T) {
	a := write(t, "us-east-1", map[string]map[string]resource{"hand/serverless": serverless()})
	for day, want := range map[time.Time]int{time.Date(2027, 10, 24, 0, 0, 0, 0, time.UTC): 0, time.Date(2027, 10, 25, 0, 0, 0, 0, time.UTC): 3} {
		r, err := cost.Of(a, cost.DefaultLoad(), day)
		if err != nil {
			t.Fatal(err)
		}
		var tokens []string
		for _, w := range r.Warnings {
			if strings.HasPrefix(w, "tokens of ") {
				tokens = append(tokens, w)
			}
		}
		if len(tokens) != want || want > 0 && !strings.Contains(strings.Join(tokens, "\n"), "tokens of global.anthropic.claude-haiku-5-5 have a price of 2026-10-24, more than a year ago") {
			t.Errorf("on %s: %q", day.Format(time.DateOnly), tokens)
		}
	}
}

func TestALoadThatCannotBeIsRefused(t *testing.T) {
	a := write(t, "us-east-1", map[string]map[string]resource{"hand/serverless": serverless()})
	for want, change := range map[string]func(*cost.Load){
		"-rps is 0; allowed is 0.001 to":                   func(l *cost.Load) { l.RequestsPerSecond = 0 },
		"-seconds is NaN":                                  func(l *cost.Load) { l.Seconds = math.NaN() },
		"-mix haiku=90 makes 90 %, not 100":                func(l *cost.Load) { l.Mix = cost.Mix{{Alias: "haiku", Percent: 90}} },
		`has no alias "other"; it has [haiku sonnet opus]`: func(l *cost.Load) { l.Mix = cost.Mix{{Alias: "other", Percent: 100}} },
		"-input is -1":                                     func(l *cost.Load) { l.InputTokens = -1 },
	} {
		load := cost.DefaultLoad()
		change(&load)
		if _, err := cost.Of(a, load, today); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	var mix cost.Mix
	for _, text := range []string{"haiku", "haiku=x", "=5", "haiku=101", "haiku=50,haiku=50"} {
		if err := mix.Set(text); err == nil {
			t.Errorf("-mix %s is taken for %v", text, mix)
		}
	}
	if err := mix.Set("haiku=60,opus=40"); err != nil || mix.String() != "haiku=60,opus=40" {
		t.Errorf("got %v, %v", mix, err)
	}
}

func TestTheChartDrawsEveryVariantOnBothArchitectures(t *testing.T) {
	r := report(t, write(t, "us-east-1", map[string]map[string]resource{
		"hand/serverless": serverless(), "hand/containers": containers(), "hand/instances": instanceGroup("c8g.large")}))
	chart := r.Chart()
	var texts []string
	decoder := xml.NewDecoder(strings.NewReader(chart))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok {
			texts = append(texts, string(data))
		}
	}
	for _, want := range []string{"serverless arm64", "serverless x86", "containers arm64", "containers x86", "instances arm64", "instances x86"} {
		if !slices.Contains(texts, want) {
			t.Errorf("there is no bar %q in %q", want, texts)
		}
	}
	v := variant(t, r, "serverless")
	// on x86 all is the same but the compute
	for _, usd := range []float64{v.Own.USD, v.Own.USD - *v.Parts[0].USD + *v.X86.Compute} {
		if want := fmt.Sprintf("$%.2f", usd); !slices.Contains(texts, want) {
			t.Errorf("no bar ends in %s: %q", want, texts)
		}
	}
}

func TestOfStackIsWhatADiffNeeds(t *testing.T) {
	prices, err := price.Load()
	if err != nil {
		t.Fatal(err)
	}
	a := write(t, "us-east-1", map[string]map[string]resource{"hand/network": network()})
	f, err := cost.OfStack(prices, a.Stacks[0])
	if err != nil || !near(f.USD, 171.55) || f.Note() != "" {
		t.Errorf("got $%v, %q, %v", f.USD, f.Note(), err)
	}
}
