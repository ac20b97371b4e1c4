package drill

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
)

// Report is what a drill has shown. Times are the drill's, from the fault or the repair.
type Report struct {
	Name               string // that fails over
	Primary, Secondary string // Regions
	Shared             bool   // both have callers, and neither is before the other
	Speed              float64
	Callers            int
	Plan               recovery.Plan
	Loss               *recovery.Loss // of usage records; nil: none are kept, or none are copied
	Lag                time.Duration  // of the copies
	Results            []Result
}

// Result is what one fault did.
type Result struct {
	Fault    Fault
	Region   string        // that was hit
	Detected time.Duration // Route 53 finds the primary unhealthy
	First    time.Duration // first good answer of the secondary
	Last     time.Duration // every caller has had one; since then no request failed, or Relapsed says how many
	Requests int           // ended from the fault until all callers are back
	Failed   int
	Cut      int           // streams among them whose answer had begun
	GaveUp   time.Duration // the shortest that a stream waited in vain for the Region that was hit; 0: none did
	Relapsed int           // failed after every caller had had an answer of the secondary, before the repair
	Uncopied int           // answered requests whose records were not in the other Region when the fault struck
	Oldest   time.Duration // age of the oldest of those
	Lost     int           // of these the ones that no Region has in the end
	Held     bool          // the primary stayed unhealthy after the repair, until it was asked by its own name
	Back     time.Duration // from the repair until every caller had an answer of the primary
	FailOpen string        // of Both: the Regions that DNS answered with while neither was healthy
}

// Write prints the report.
func (r *Report) Write(out io.Writer) error {
	var text strings.Builder
	how := r.Primary + " fails over to " + r.Secondary
	if r.Shared {
		how = r.Primary + " and " + r.Secondary + " share the callers"
	}
	fmt.Fprintf(&text, "%s: %s; %d callers, %d health checkers for each Region, %g times real time\n", r.Name, how, r.Callers, checkers, r.Speed)
	fmt.Fprintf(&text, "computed: RTO %s", seconds(r.Plan.RTO()))
	if r.Loss != nil {
		fmt.Fprintf(&text, ", RPO of usage records %s (here copies lag %s)", seconds(r.Loss.Objective), r.Lag)
	}
	text.WriteString("\n\n")
	r.table(&text)
	r.notes(&text)
	_, err := io.WriteString(out, text.String())
	return err
}

// table has a row for each fault from which there was another Region to go to.
func (r *Report) table(text *strings.Builder) {
	single := slices.DeleteFunc(slices.Clone(r.Results), func(f Result) bool { return f.Fault == Both })
	if len(single) == 0 {
		return
	}
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "FAULT\tDETECTED\tFIRST ANSWER\tALL ANSWERED\tFAILED\tSTREAMS CUT\tNOT COPIED\tLOST\tALL BACK")
	for _, f := range single {
		back := seconds(f.Back)
		if f.Held {
			back += " *"
		}
		uncopied, lost := "-", "-" // no records are kept
		if r.Loss != nil {
			uncopied, lost = fmt.Sprintf("%d, up to %s old", f.Uncopied, seconds(f.Oldest)), fmt.Sprint(f.Lost)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d of %d\t%d\t%s\t%s\t%s\n", r.label(f), seconds(f.Detected), seconds(f.First),
			seconds(f.Last), f.Failed, f.Requests, f.Cut, uncopied, lost, back)
	}
	_ = w.Flush()
	text.WriteByte('\n')
}

// label says what was hit, where that is not always the same.
func (r *Report) label(f Result) string {
	if r.Shared && f.Fault != Both {
		return fmt.Sprintf("%s %s", f.Fault, f.Region)
	}
	return string(f.Fault)
}

// open are the Regions that DNS must go on to answer with when neither is healthy.
func (r *Report) open() string {
	if r.Shared {
		return r.Primary + " and " + r.Secondary
	}
	return r.Primary
}

func (r *Report) notes(text *strings.Builder) {
	for _, f := range r.Results {
		switch {
		case f.Fault == Both:
			fmt.Fprintf(text, "both: with neither Region healthy after %s, DNS went on to answer with %s\n", seconds(f.Detected), f.FailOpen)
		case f.Held:
			fmt.Fprintf(text, "* after %s, %s stayed unhealthy until it was asked by its own name, as nobody else called it\n", f.Fault, f.Region)
		}
		if f.Fault == Mute && f.GaveUp > 0 {
			fmt.Fprintf(text, "%s: streams that heard nothing failed after %s at the soonest\n", r.label(f), seconds(f.GaveUp))
		}
		if f.Relapsed > 0 {
			fmt.Fprintf(text, "%s: %d requests failed after all callers had been answered\n", r.label(f), f.Relapsed)
		}
	}
	for _, problem := range r.Problems() {
		fmt.Fprintf(text, "PROBLEM: %s\n", problem)
	}
}

// Problems says what the drill shows to be worse than computed; empty when all is as it should be.
func (r *Report) Problems() []string {
	var problems []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	for _, f := range r.Results {
		add(f.Last > r.Plan.RTO(), "%s: all callers were answered after %s, and the RTO is %s", r.label(f), f.Last, r.Plan.RTO())
		add(f.Relapsed > 0, "%s: %d requests failed after all callers had been answered", r.label(f), f.Relapsed)
		add(r.Loss != nil && f.Oldest > r.Loss.Objective, "%s: a record of %s before was not copied, and the RPO is %s", r.label(f), f.Oldest, objective(r.Loss))
		add(f.Fault == Both && f.FailOpen != r.open(), "both: DNS answered with %q, and must with %s", f.FailOpen, r.open())
	}
	return problems
}

func objective(l *recovery.Loss) time.Duration {
	if l == nil {
		return 0
	}
	return l.Objective
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
