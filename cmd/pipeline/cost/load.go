package cost

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/constructs/price"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Load is the traffic that a cost is worked out for. None of it can be read from a template, so a report states it all.
type Load struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"` // at every moment of the month
	Seconds           float64 `json:"seconds"`           // that an answer takes, the wait for the model included
	InputTokens       int     `json:"inputTokens"`       // of a request, none of them cached
	OutputTokens      int     `json:"outputTokens"`      // of an answer
	Mix               Mix     `json:"mix"`
	RequestBytes      int     `json:"requestBytes"` // on the wire
	AnswerBytes       int     `json:"answerBytes"`  // on the wire; a stream's events are many times its text
	LogBytes          int     `json:"logBytes"`     // that a request leaves in a log group
}

// DefaultLoad is an assumption like any other: nothing of it was measured on AWS.
func DefaultLoad() Load {
	return Load{
		RequestsPerSecond: 10, Seconds: 3, InputTokens: 1000, OutputTokens: 300,
		Mix:          Mix{{"haiku", 80}, {"sonnet", 15}, {"opus", 5}},
		RequestBytes: 5000, AnswerBytes: 30000, LogBytes: 2000,
	}
}

// Share is an alias's part of the requests.
type Share struct {
	Alias   string  `json:"alias"`
	Percent float64 `json:"percent"`
}

// Mix is how the requests divide among the aliases. As a flag it is written haiku=80,sonnet=15,opus=5.
type Mix []Share

// String writes the mix as the flag takes it.
func (m Mix) String() string {
	parts := make([]string, len(m))
	for i, s := range m {
		parts[i] = s.Alias + "=" + strconv.FormatFloat(s.Percent, 'f', -1, 64)
	}
	return strings.Join(parts, ",")
}

// Set reads the flag.
func (m *Mix) Set(text string) error {
	var mix Mix
	for _, part := range strings.Split(text, ",") {
		alias, number, _ := strings.Cut(part, "=")
		percent, err := strconv.ParseFloat(number, 64)
		if alias == "" || err != nil || !(percent >= 0 && percent <= 100) {
			return fmt.Errorf("%q is no share; allowed is a list such as haiku=80,sonnet=15,opus=5, in percent", part)
		}
		if slices.ContainsFunc(mix, func(s Share) bool { return s.Alias == alias }) {
			return fmt.Errorf("%q is there twice", alias)
		}
		mix = append(mix, Share{alias, percent})
	}
	*m = mix
	return nil
}

// check names everything that is wrong with the load.
func (l Load) check() error {
	var problems []error
	for _, number := range []struct {
		flag  string
		value float64
		low   float64
		high  float64
	}{
		{"-rps", l.RequestsPerSecond, 0.001, 1e6}, {"-seconds", l.Seconds, 0.001, 900},
		{"-input", float64(l.InputTokens), 0, 2e6}, {"-output", float64(l.OutputTokens), 0, 1e6},
		{"-request-bytes", float64(l.RequestBytes), 0, 26214400}, {"-answer-bytes", float64(l.AnswerBytes), 0, 2e8},
		{"-log-bytes", float64(l.LogBytes), 0, 1e6},
	} {
		if !(number.value >= number.low && number.value <= number.high) {
			problems = append(problems, fmt.Errorf("%s is %v; allowed is %v to %v", number.flag, number.value, number.low, number.high))
		}
	}
	var sum float64
	for _, s := range l.Mix {
		sum += s.Percent
	}
	if sum < 99.99 || sum > 100.01 {
		problems = append(problems, fmt.Errorf("-mix %s makes %v %%, not 100", l.Mix, sum))
	}
	return errors.Join(problems...)
}

// millions is the number of requests in a month, in millions.
func (l Load) millions() float64 { return l.RequestsPerSecond * 3600 * price.HoursPerMonth / 1e6 }

// gigabytes is what a million of something of so many bytes weighs.
func gigabytes(bytes int) float64 { return float64(bytes) * 1e6 / 1e9 }

// usage is what one request is charged for.
func (l Load) usage() inference.Usage {
	return inference.Usage{Input: l.InputTokens, Output: l.OutputTokens}
}
