// Package metric is the contract of the metrics: their names, units and dimensions. The recorder in the runtime and
// the dashboards and alarms in the templates import it, so neither can name a metric the other does not know.
//
// It must not know CDK, HTTP or AWS.
package metric

import "slices"

// Namespace is the CloudWatch namespace of every metric of this product.
const Namespace = "GenAI/ARM64"

// Unit is a CloudWatch unit.
type Unit string

// The units used here. CloudWatch has none for money: a cost in US dollars is None.
const (
	Milliseconds Unit = "Milliseconds"
	Count        Unit = "Count"
	None         Unit = "None"
)

// Metric is a name with its unit.
type Metric struct {
	Name string
	Unit Unit
	Help string // what a person is told it means
}

// The metrics of requests. One value of each that applies is emitted per inference request.
var (
	Requests         = Metric{"Requests", Count, "inference requests, whatever their outcome"}
	Errors           = Metric{"Errors", Count, "requests answered 5xx, or cut after the first byte; 0 or 1 for each request"}
	ClientErrors     = Metric{"ClientErrors", Count, "requests answered 4xx; 0 or 1 for each request"}
	Shed             = Metric{"Shed", Count, "requests refused because the process was busy, also counted in Errors; 0 or 1 for each request"}
	Limited          = Metric{"Limited", Count, "requests refused by the tenant's own limits, also counted in ClientErrors; 0 or 1 for each request"}
	Throttles        = Metric{"Throttles", Count, "calls that Bedrock throttled, retried or not"}
	Retries          = Metric{"Retries", Count, "calls to Bedrock beyond the first"}
	Failovers        = Metric{"Failovers", Count, "times a call went on to another target"}
	Fallbacks        = Metric{"Fallbacks", Count, "requests that another target served, or failed last, than the alias's first; 0 or 1 for each that called Bedrock"}
	InferenceLatency = Metric{"InferenceLatency", Milliseconds, "time spent waiting for Bedrock, to the last token"}
	TimeToFirstToken = Metric{"TimeToFirstToken", Milliseconds, "from the request to the first token; streams only"}
	ResponseLatency  = Metric{"ResponseLatency", Milliseconds, "from the request to the whole answer, where a model was asked; not for streams"}
	Duration         = Metric{"Duration", Milliseconds, "from the request to the last byte of the answer, streams included"}
	GatewayOverhead  = Metric{"GatewayOverhead", Milliseconds, "the gateway's own time: duration less the wait for Bedrock and for the client"}
	InputTokens      = Metric{"InputTokens", Count, "input tokens neither read from nor written to the prompt cache"}
	CacheReadTokens  = Metric{"CacheReadTokens", Count, "input tokens read from the prompt cache"}
	CacheWriteTokens = Metric{"CacheWriteTokens", Count, "input tokens written to the prompt cache"}
	OutputTokens     = Metric{"OutputTokens", Count, "output tokens"}
	EstimatedCost    = Metric{"EstimatedCost", None, "US dollars for the tokens, by the catalog's list price; not emitted when no price is known"}
)

// The metrics of feedback. One value of each that applies is emitted per rating that is taken.
var (
	FeedbackUp    = Metric{"FeedbackUp", Count, "ratings with a thumb up; 0 or 1 for each with a thumb, so the average is the satisfied share"}
	FeedbackDown  = Metric{"FeedbackDown", Count, "ratings with a thumb down; 0 or 1 for each with a thumb"}
	FeedbackScore = Metric{"FeedbackScore", None, "scores from 1 (bad) to 5 (good)"}
)

// ColdStart is emitted once by each program that starts. What a platform does before the program's first line, such as
// Lambda's own part of a cold start, is not in it: Lambda reports that in its log.
var ColdStart = Metric{"ColdStart", Milliseconds, "from the program's first line until it takes requests; once for each program, without the dimension Model"}

// The metrics of the archive of usage records. Requests less both, over a time, is what waits in memory or died with a
// killed program.
var (
	ArchiveWritten = Metric{"ArchiveWritten", Count, "usage records stored in the archive; without the dimension Model"}
	ArchiveLost    = Metric{"ArchiveLost", Count, "usage records given up: no room in memory, or S3 refused them for too long; without the dimension Model"}
)

// LogLost is the metric of the log itself.
var LogLost = Metric{"LogLost", Count, "log lines given up because nobody read what the program printed; without the dimension Model"}

// All returns every metric.
func All() []Metric {
	return append(slices.Concat(OfRequests(), OfFeedback(), OfPrograms(), OfArchive()), LogLost)
}

// OfRequests returns the metrics that a request has.
func OfRequests() []Metric {
	return []Metric{
		Requests, Errors, ClientErrors, Shed, Limited, Throttles, Retries, Failovers, Fallbacks, InferenceLatency, TimeToFirstToken,
		ResponseLatency, Duration, GatewayOverhead, InputTokens, CacheReadTokens, CacheWriteTokens, OutputTokens, EstimatedCost,
	}
}

// OfFeedback returns the metrics that a rating has.
func OfFeedback() []Metric { return []Metric{FeedbackUp, FeedbackDown, FeedbackScore} }

// OfPrograms returns the metrics that every program has, whatever is asked of it.
func OfPrograms() []Metric { return []Metric{ColdStart} }

// OfArchive returns the metrics of the archive, which belong to no request.
func OfArchive() []Metric { return []Metric{ArchiveWritten, ArchiveLost} }

// The dimensions, all of low cardinality. A model is named by its alias.
const (
	DimEnvironment = "Environment"
	DimVariant     = "Variant"
	DimModel       = "Model"
)

// DimensionSets returns the combinations every metric of requests and of feedback is emitted under. Each combination of
// values is a custom metric that CloudWatch bills, so there are two sets, not the power set.
func DimensionSets() [][]string {
	return append(ProgramDimensionSets(), []string{DimEnvironment, DimVariant, DimModel})
}

// ProgramDimensionSets returns the same for metrics that belong to no request, and so to no model.
func ProgramDimensionSets() [][]string { return [][]string{{DimEnvironment, DimVariant}} }
