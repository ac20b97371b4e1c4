package templates_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/cost"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

var update = flag.Bool("update", false, "write what docs/costs.md shows of the command's output, and its chart")

// written is the day docs/costs.md was last looked through: the ages of prices are judged by it.
var written = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// costs is the report on one of the shipped environments.
func costs(t *testing.T, environment string) *cost.Report {
	t.Helper()
	a, err := assembly.Read(built.out)
	if err != nil {
		t.Fatal(err)
	}
	var own []*assembly.Stack
	for _, s := range a.Stacks {
		if strings.HasPrefix(s.ID, environment+"-") {
			own = append(own, s)
		}
	}
	a.Stacks = own
	r, err := cost.Of(a, cost.DefaultLoad(), written)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheCostsThatAreShownAreThoseOfTheShippedEnvironments(t *testing.T) {
	prod := costs(t, "prod")
	document := filepath.Join(built.root, "docs", "costs.md")
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	shown := string(text)
	for name, block := range map[string]string{
		"dev": costs(t, "dev").Markdown(), "prod": prod.Markdown(), "design": design(t, prod),
	} {
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
		before, rest, ok := strings.Cut(shown, begin)
		got, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("docs/costs.md has no block between %q and %q", begin, end)
		}
		if want := "\n" + block + "\n"; got != want {
			if !*update {
				t.Errorf("docs/costs.md does not show what the templates cost (%s); go test ./test/templates -run Costs -update writes it. It should be:\n%s", name, want)
			}
			shown = before + begin + want + end + after
		}
	}
	chart := filepath.Join(built.root, "docs", "costs.svg")
	if *update {
		for path, content := range map[string]string{document: shown, chart: prod.Chart()} {
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if drawn, err := os.ReadFile(chart); err != nil || string(drawn) != prod.Chart() {
		t.Errorf("docs/costs.svg is not the chart of prod (%v); -update draws it", err)
	}
}

// TestEnvironmentsNamesTheSameCost runs the command on the templates of the shipped environments.
func TestEnvironmentsNamesTheSameCost(t *testing.T) {
	listed := exec.Command("go", "run", "./cmd/pipeline", "environments", "-assembly", built.out, "-format", "json", "-as-of", written.Format(time.DateOnly))
	listed.Dir = built.root
	text, err := listed.Output()
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		Environments []struct {
			Name         string
			FixedMonthly cost.Sum
		}
	}
	if err := json.Unmarshal(text, &seen); err != nil {
		t.Fatal(err)
	}
	if len(seen.Environments) < 3 {
		t.Errorf("only %d environments are listed", len(seen.Environments))
	}
	for _, e := range seen.Environments {
		if want := costs(t, e.Name).Fixed; e.FixedMonthly != want {
			t.Errorf("pipeline environments says that %s costs %s a month, and pipeline cost %s", e.Name, e.FixedMonthly, want)
		}
	}
}

// primary is what is deployed to the first Region.
func primary(t *testing.T, r *cost.Report) cost.Deployment {
	t.Helper()
	for _, d := range r.Deployments {
		if strings.HasSuffix(d.Name, "-us-east-1") {
			return d
		}
	}
	t.Fatalf("nothing is deployed to the first Region: %v", r.Deployments)
	return cost.Deployment{}
}

// design puts the figures of the original design beside what the report on prod says.
func design(t *testing.T, r *cost.Report) string {
	t.Helper()
	var rows strings.Builder
	rows.WriteString("| the design's figure | what the prices support, for prod at the load above |\n|---|---|\n")
	fmt.Fprint(&rows, "| 40 % less on Graviton | ")
	var parts []string
	variants := map[string]cost.Variant{}
	for _, v := range primary(t, r).Variants {
		variants[v.Name] = v
		parts = append(parts, fmt.Sprintf("%s: %.1f %% of the compute, %.1f %% of all without tokens, %.2f %% with them", v.Name, *v.X86.Saving, *v.X86.OfOwn, *v.X86.OfAll))
	}
	fmt.Fprintf(&rows, "No. %s. |\n", strings.Join(parts, "; "))
	serverless := variants["serverless"]
	perSecond := (*serverless.Parts[0].USD - 0.20) / r.Load.Seconds
	fmt.Fprintf(&rows, "| $120 a million, serverless | $%.2f without tokens. $120 would be answers of %.1f s instead of %v. |\n",
		serverless.Own.USD, r.Load.Seconds+(120-serverless.Own.USD)/perSecond, r.Load.Seconds)
	for _, claim := range []struct {
		name      string
		low, high float64
	}{{"containers", 80, 150}, {"instances", 60, 120}} {
		v := variants[claim.name]
		fmt.Fprintf(&rows, "| $%.0f–%.0f a million, %s | $%.2f without tokens. A million costs that much only when there is little to do: at %.2f to %.2f requests a second, when the same two stand idle most of the time. |\n",
			claim.low, claim.high, claim.name, v.Own.USD, rate(t, r, v, claim.high), rate(t, r, v, claim.low))
	}
	fmt.Fprintf(&rows, "| tokens, which no figure names | $%.2f a million at %s, whatever the variant. |\n", *serverless.Tokens.USD, r.Load.Mix)
	return rows.String()
}

// rate is how many requests a second make a million cost so much, without tokens: compute and fixed cost are for the
// month, the rest for each request.
func rate(t *testing.T, r *cost.Report, v cost.Variant, usd float64) float64 {
	t.Helper()
	var monthly, each float64
	for _, p := range v.Parts {
		switch {
		case p.USD == nil:
			t.Fatalf("%s has no price", p.Item)
		case p.Item == "compute" || p.Item == "fixed cost of the stack":
			monthly += *p.USD * r.RequestsPerMonth
		default:
			each += *p.USD
		}
	}
	return r.Load.RequestsPerSecond * monthly / (usd - each) / r.RequestsPerMonth
}

func TestProdsFixedCostByHand(t *testing.T) {
	const month = 730
	metrics := float64(len(metric.OfRequests()) + len(metric.OfFeedback()))
	want := map[string]float64{
		// eight endpoints in two zones, two NAT gateways with an address each
		"prod-us-east-1/network": 8*2*month*0.01 + 2*month*0.045 + 2*month*0.005,
		// two tasks of 1 vCPU and 2 GB; a balancer with two addresses; a web ACL of four rules; the metrics of requests and
		// ratings, without an alias and with three, one of the program, and two of the archive; a health check that asks fast
		// and by TLS; three alarms over five metrics
		"prod-us-east-1/containers": 2*month*(0.03238+2*0.00356) + month*0.0225 + 2*month*0.005 + 5 + 4*1 + (metrics*4+1+2)*0.30 + 0.5 + 2*1 + 5*0.10,
		"prod-us-east-1/instances":  2*month*0.07976 + 2*12*0.08 + month*0.0225 + 2*month*0.005 + 5 + 4*1 + (metrics*4+1+2)*0.30 + 0.5 + 2*1 + 5*0.10,
		// no function is paid for when it does not run
		"prod-us-east-1/serverless": 5 + 4*1 + (metrics*4+1)*0.30 + 0.5 + 2*1 + 5*0.10,
		"prod-us-east-1/data":       0.10, // an alarm
		// three dashboards, the topic's key, and the metrics of alarms: of the function 14, of the tasks 16, of the instances
		// 15, of silence one of each, of three models one of each
		"prod-us-east-1/observability": 3*3 + 1 + (14+16+15+3+3)*0.10,
	}
	d := primary(t, costs(t, "prod"))
	for _, s := range d.Stacks {
		if got := fmt.Sprintf("%.6f", s.USD); got != fmt.Sprintf("%.6f", want[s.ID]) {
			t.Errorf("%s: got $%s, by hand $%.6f", s.ID, got, want[s.ID])
		}
		if len(s.NotPriced) > 0 {
			t.Errorf("%s has types that nobody priced: %v", s.ID, s.NotPriced)
		}
		delete(want, s.ID)
	}
	if len(want) > 0 {
		t.Errorf("not in the report: %v", want)
	}
}

// called is what the README calls the variants.
var called = map[string]string{"containers": "containers", "instances": "instances", "serverless": "the function"}

func TestTheREADMENamesWhatProdCosts(t *testing.T) {
	path := filepath.Join(built.root, "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		for _, v := range primary(t, costs(t, "prod")).Variants {
			figure := regexp.MustCompile(`\$[0-9.]+(\s+through\s+` + strings.ReplaceAll(called[v.Name], " ", `\s+`) + `)`)
			text = figure.ReplaceAll(text, fmt.Appendf(nil, "$$%.2f$1", v.Own.USD))
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	readme := strings.Join(strings.Fields(string(text)), " ")
	low, high := 100.0, 0.0
	for _, v := range primary(t, costs(t, "prod")).Variants {
		low, high = min(low, *v.X86.Saving), max(high, *v.X86.Saving)
		if want := fmt.Sprintf("$%.2f through %s", v.Own.USD, called[v.Name]); !strings.Contains(readme, want) {
			t.Errorf("README.md does not say %q", want)
		}
		if want := fmt.Sprintf("$%d,%03d of tokens", int(*v.Tokens.USD)/1000, int(*v.Tokens.USD)%1000); !strings.Contains(readme, want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
	if want := fmt.Sprintf("%.1f to %.1f %% off the compute", low, high); !strings.Contains(readme, want) {
		t.Errorf("README.md does not say %q", want)
	}
}
