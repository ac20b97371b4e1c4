package observability

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

	"github.com/genai-pipeline/genai-pipeline/constructs/price"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
)

const costPeriod = time.Hour

// costRows are the compute on both architectures, and the tokens.
func (d *dashboards) costRows(prices *price.List) [][]awscloudwatch.IWidget {
	rows := [][]awscloudwatch.IWidget{{text("Estimates by list prices, without free tiers, taxes and agreements: of compute by "+
		"constructs/price, of tokens by the catalog of models. The bill of AWS counts.", 1)}}
	var compared []awscloudwatch.IWidget
	var unknown []string
	for _, g := range d.Gateways {
		own, err := d.priced(g, prices, d.region, arm, costPeriod)
		if err != nil {
			unknown = append(unknown, err.Error())
			continue
		}
		other, err := d.priced(g, prices, d.region, x86, costPeriod)
		if err != nil {
			unknown = append(unknown, err.Error())
			continue
		}
		compared = append(compared, architectures(g, own, other))
	}
	if len(unknown) > 0 {
		rows = append(rows, []awscloudwatch.IWidget{text("arm64 and x86 are not compared: "+strings.Join(unknown, "; "), 1)})
	}
	return append(rows, compared,
		[]awscloudwatch.IWidget{
			graph("Tokens, by variant", "US dollars an hour", d.byVariant(metric.EstimatedCost, "", costPeriod), nil),
			graph("Tokens of "+anyVariant+", by model", "US dollars an hour", d.byModel(metric.EstimatedCost, "", costPeriod), nil),
			figures("Tokens of "+anyVariant+" in the time that is shown, US dollars", d.byModel(metric.EstimatedCost, "", costPeriod)),
		}, []awscloudwatch.IWidget{
			graph("Tokens of a request", "US dollars", d.each(metric.EstimatedCost), nil),
			graph("Input tokens of "+anyVariant+": new, written to the cache, read from it", "tokens", d.input(), nil),
			graph("Output tokens of "+anyVariant+", by model", "tokens", d.byModel(metric.OutputTokens, "", costPeriod), nil),
		}, d.spenders())
}

// architectures compares the compute of a gateway, and says what arm64 saves in percent.
func architectures(g Gateway, own, other bill) awscloudwatch.IWidget {
	id := idOf(g.Variant)
	costs, would := expression("arm64", own.text, own.using, costPeriod), expression("the same on x86", other.text, other.using, costPeriod)
	saved := expression("saved, %", fmt.Sprintf("IF(x86%s > 0, 100 * (x86%s - arm64%s) / x86%s, 0)", id, id, id, id), metrics{"arm64" + id: costs, "x86" + id: would}, costPeriod)
	return figures(fmt.Sprintf("Compute of %s in the time that is shown, US dollars", g.Variant), []awscloudwatch.IMetric{costs, would, saved})
}

// each is a metric for one request.
func (d *dashboards) each(m metric.Metric) []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		id := idOf(g.Variant)
		lines = append(lines, expression(g.Variant, fmt.Sprintf("IF(requests%s > 0, all%s / requests%s, 0)", id, id, id),
			metrics{"all" + id: d.of(g.Variant, m, "", costPeriod), "requests" + id: d.of(g.Variant, requests, "", costPeriod)}, costPeriod))
	}
	return lines
}

func (d *dashboards) input() []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, m := range []metric.Metric{metric.InputTokens, metric.CacheWriteTokens, metric.CacheReadTokens} {
		lines = append(lines, line(m.Name, d.of(anyVariant, m, "", costPeriod)))
	}
	return lines
}

// spenders are the tenants that cost most.
func (d *dashboards) spenders() []awscloudwatch.IWidget {
	groups := d.logs()
	if len(groups) == 0 {
		return nil
	}
	return []awscloudwatch.IWidget{query("Tenants by the cost of their tokens", groups, `filter msg = "request"`,
		"stats sum(EstimatedCost) as usd, sum(InputTokens) as input, sum(CacheReadTokens) as cached, sum(OutputTokens) as output by tenant", "sort usd desc", "limit 20")}
}

// businessRows are who asks for how much, and how that ends for them.
func (d *dashboards) businessRows() [][]awscloudwatch.IWidget {
	rows := [][]awscloudwatch.IWidget{
		{
			graph("Requests an hour, by variant", "requests", d.byVariant(metric.Requests, "", costPeriod), nil),
			graph("Requests an hour to "+anyVariant+", by model", "requests", d.byModel(metric.Requests, "", costPeriod), nil),
			figures("Requests to "+anyVariant+" in the time that is shown", d.byModel(metric.Requests, "", costPeriod)),
		}, {
			graph("Requests that were served", "% of requests", d.served(), target(100-ErrorTarget, fmt.Sprintf("target %d %%", 100-ErrorTarget))),
			graph("Output tokens an hour", "tokens", d.byVariant(metric.OutputTokens, "", costPeriod), nil),
			graph("Time that half the callers wait for an answer that is no stream", "ms", d.byVariant(metric.ResponseLatency, "p50", costPeriod), targetOf(AnswerTarget)),
		},
	}
	rows = append(rows, d.satisfaction())
	if written := d.archive(metric.ArchiveWritten); len(written) > 0 {
		rows = append(rows, []awscloudwatch.IWidget{graph("Usage records stored", "records", written, nil)})
	}
	if groups := d.logs(); len(groups) > 0 {
		rows = append(rows, []awscloudwatch.IWidget{
			query("Tenants by requests", groups, `filter msg = "request"`,
				"stats count(*) as requests, sum(Errors) as failed, sum(ClientErrors) as refused, pct(duration_ms, 95) as p95_ms by tenant", "sort requests desc", "limit 20"),
			query("Requests by API and model", groups, `filter msg = "request"`,
				"stats count(*) as requests, sum(OutputTokens) as output by surface, Model, stream", "sort requests desc", "limit 20"),
		})
	}
	if groups := d.logs(); d.Rated && len(groups) > 0 {
		rows = append(rows, []awscloudwatch.IWidget{query("Why answers were rated so", groups, `filter msg = "feedback"`,
			"stats count(*) as ratings, sum(FeedbackUp) as up, sum(FeedbackDown) as down, avg(FeedbackScore) as score by Model, reason", "sort ratings desc", "limit 20")})
	}
	return rows
}

// satisfaction is what callers say of the answers.
func (d *dashboards) satisfaction() []awscloudwatch.IWidget {
	if !d.Rated {
		return nil
	}
	var satisfied, scores, ratings []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		id := idOf(g.Variant)
		// 0 or 1 for each rating, so that the average is a share.
		satisfied = append(satisfied, expression(g.Variant, "100 * up"+id, metrics{"up" + id: d.of(g.Variant, metric.FeedbackUp, "Average", costPeriod)}, costPeriod))
		ratings = append(ratings, line("up, "+g.Variant, d.of(g.Variant, metric.FeedbackUp, "", costPeriod)), line("down, "+g.Variant, d.of(g.Variant, metric.FeedbackDown, "", costPeriod)))
	}
	for _, alias := range d.Aliases {
		scores = append(scores, line(alias, d.ofModel(anyVariant, alias, metric.FeedbackScore, "Average", costPeriod)))
	}
	return []awscloudwatch.IWidget{
		graph("Satisfied callers", "% of thumbs that are up", satisfied, nil),
		graph("Scores of "+anyVariant+", by model", "1 (bad) to 5 (good)", scores, nil),
		graph("Thumbs an hour", "ratings", ratings, nil),
	}
}

func (d *dashboards) served() []awscloudwatch.IMetric {
	var lines []awscloudwatch.IMetric
	for _, g := range d.Gateways {
		id := idOf(g.Variant)
		lines = append(lines, expression(g.Variant, fmt.Sprintf("IF(requests%s > 0, 100 * (requests%s - errors%s) / requests%s, 100)", id, id, id, id),
			metrics{"requests" + id: d.of(g.Variant, requests, "", costPeriod), "errors" + id: d.of(g.Variant, metric.Errors, "", costPeriod)}, costPeriod))
	}
	return lines
}
