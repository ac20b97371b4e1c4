// Package drill rehearses a failover on this machine: two Regions, each its own program from its own template, with its
// own embedded Bedrock and store, behind a front that stands for its load balancer; a DNS server with the synthesized
// records, and health checkers with the synthesized settings; and callers that resolve and keep connections as real ones
// do. It breaks the primary in several ways, repairs it, and says how long everything took.
//
// What it cannot show: the time that Route 53 needs to tell its name servers, that a second Region must grow, and what
// AWS's own target health adds, which can only be sooner. There is no TLS, and one program for each Region.
//
// It must not know how the assembly came to be, nor the arithmetic of the recovery time: package recovery does that.
package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
)

// Fault is a way to break a Region.
type Fault string

// The faults.
const (
	Kill      Fault = "kill"      // the program dies, and its balancer says 502
	Freeze    Fault = "freeze"    // the program is stopped: it accepts connections and says nothing
	Throttle  Fault = "throttle"  // the Region's Bedrock answers every call with 429
	Partition Fault = "partition" // packets to and from the Region are dropped
	Both      Fault = "both"      // the same for both Regions: there is nowhere to go, and it must be survived
)

// Faults returns every fault, in the order in which a drill tries them.
func Faults() []Fault { return []Fault{Kill, Freeze, Throttle, Partition, Both} }

// ParseFaults reads a list of faults, such as "kill,freeze".
func ParseFaults(text string) ([]Fault, error) {
	var list []Fault
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(Faults(), Fault(name)) {
			return nil, fmt.Errorf("fault %q is unknown; allowed is a list of %s", name, strings.Trim(fmt.Sprint(Faults()), "[]"))
		}
		list = append(list, Fault(name))
	}
	return list, nil
}

// Options says what to rehearse. All but Alias are required.
type Options struct {
	Root     string // of the checkout
	Work     string // folder for binaries and logs
	Assembly string // of an environment with failover
	Variant  string // containers or instances
	Alias    string // that callers ask for; default: the first of which every target is in the caller's Region
	Faults   []Fault
	Callers  int
	Pause    time.Duration // of a caller between two requests
	Lag      time.Duration // of the copies of usage records
	Speed    float64       // how much faster than real time, 1 to 100. Programs take real time for their work, whatever this is
}

func (o Options) check() error {
	var problems []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	add(o.Speed < 1 || o.Speed > 100, "the speed is %g; allowed is 1 to 100", o.Speed)
	add(o.Callers < 1 || o.Callers > 1000, "there are %d callers; allowed is 1 to 1000", o.Callers)
	add(o.Pause <= 0, "the pause is %s; it must be positive", o.Pause)
	add(o.Lag < 0, "the lag is %s; it must not be negative", o.Lag)
	add(len(o.Faults) == 0, "no fault is named; allowed are %s", strings.Trim(fmt.Sprint(Faults()), "[]"))
	return errors.Join(problems...)
}

// Run rehearses each fault in turn. Its error says what could not be done; what was worse than computed is in the report.
func Run(ctx context.Context, o Options, progress io.Writer) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	a, err := assembly.Read(o.Assembly)
	if err != nil {
		return nil, err
	}
	sites, err := readSites(a, o.Variant)
	if err != nil {
		return nil, err
	}
	w, err := newWorld(ctx, o, sites)
	if err != nil {
		return nil, err
	}
	report := w.report()
	var broken error
	for _, fault := range o.Faults {
		_, _ = fmt.Fprintf(progress, "%s %s …\n", seconds(w.clock.now()), fault)
		var result Result
		if result, broken = w.rehearse(ctx, fault); broken != nil {
			broken = fmt.Errorf("%s: %w", fault, broken)
			break
		}
		report.Results = append(report.Results, result)
	}
	if err := errors.Join(broken, w.close()); err != nil {
		return nil, err
	}
	w.findLost(report)
	return report, nil
}

func (w *world) report() *Report {
	first, second := w.regions[0], w.regions[1]
	r := &Report{Name: first.name, Primary: first.stack.Region, Secondary: second.stack.Region, Speed: w.options.Speed,
		Callers: w.options.Callers, Plan: first.recovery(), Lag: w.options.Lag}
	if first.store != nil && first.copied {
		loss := recovery.Records(w.clock.drill(first.flush)) // the program takes its time
		r.Loss = &loss
	}
	return r
}

// rehearse breaks the primary, waits until every caller is served by the secondary, repairs it, and waits until every
// caller is back.
func (w *world) rehearse(ctx context.Context, fault Fault) (Result, error) {
	result := Result{Fault: fault}
	first, second := w.regions[0], w.regions[1]
	begin := w.clock.now()
	if err := w.settled(ctx, begin); err != nil {
		return result, err
	}
	struck := w.clock.now()
	if err := w.strike(fault); err != nil {
		return result, err
	}
	w.struck = append(w.struck, struck)
	if fault == Both {
		return w.survive(ctx, result, struck)
	}
	limit := first.recovery().RTO() + grace
	if !w.clock.await(ctx, limit, func() bool { return !first.watch.healthy() }) {
		return result, w.late(ctx, "%s after the fault Route 53 still finds %s healthy", limit, first.stack.Region)
	}
	result.Detected = w.clock.now() - struck
	var at, last time.Duration
	if !w.clock.await(ctx, limit, func() (all bool) {
		at, last, all = w.ledger.arrived(w.options.Callers, second.stack.Region, struck)
		return all
	}) {
		return result, w.late(ctx, "%s after the fault was found, some callers have had no answer of %s", limit, second.stack.Region)
	}
	result.First, result.Last = at-struck, last-struck
	if err := w.repair(ctx, fault); err != nil {
		return result, err
	}
	repaired := w.clock.now()
	for _, o := range w.ledger.between(last, repaired) {
		if !o.good {
			result.Relapsed++
		}
	}
	var err error
	if result.Held, err = w.heal(ctx); err != nil {
		return result, err
	}
	if !w.clock.await(ctx, limit, func() (all bool) {
		_, last, all = w.ledger.arrived(w.options.Callers, first.stack.Region, repaired)
		return all
	}) {
		return result, w.late(ctx, "%s after it was found healthy again, some callers are not back in %s", limit, first.stack.Region)
	}
	result.Back = last - repaired
	w.count(&result, struck, last)
	return result, nil
}

// grace is what is waited beyond the recovery time, to tell one that is too long from one without an end.
const grace = 2 * time.Minute

func (w *world) late(ctx context.Context, format string, args ...any) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return fmt.Errorf(format, args...)
}

// settled waits until every caller has had a good answer of the primary, and records have had the time to be copied.
func (w *world) settled(ctx context.Context, since time.Duration) error {
	first, second := w.regions[0], w.regions[1]
	limit := first.recovery().RTO() + grace
	if !w.clock.await(ctx, limit, func() bool {
		_, _, all := w.ledger.arrived(w.options.Callers, first.stack.Region, since)
		return all && first.watch.healthy() && second.watch.healthy()
	}) {
		return w.late(ctx, "%s are not enough for all callers to be answered in %s", limit, first.stack.Region)
	}
	// So that a record that is not copied tells of the lag, and not of a drill that has just begun.
	if !w.clock.pass(ctx, w.options.Lag+w.clock.drill(first.flush)) {
		return errors.New("interrupted")
	}
	return nil
}

// heal waits until Route 53 finds the primary healthy. One that says unhealthy since nobody calls it is asked by its own
// name, as the runbook says; held tells of it.
func (w *world) heal(ctx context.Context) (held bool, err error) {
	first := w.regions[0]
	plan := first.recovery()
	limit := time.Duration(plan.Check.Failures)*(plan.Check.Interval+recovery.ConnectWait+recovery.AnswerWait) + plan.Check.Interval
	if w.clock.await(ctx, limit, first.watch.healthy) {
		return false, nil
	}
	own := newCaller(w.clock, w.network, w.dns, first.site)
	own.url = strings.Replace(own.url, first.name, first.checkHost, 1)
	own.number, own.alias, own.key, own.ledger = -1, w.alias, w.key, w.ledger
	asking, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { own.run(asking, time.Second) })
	healthy := w.clock.await(ctx, limit+w.clock.drill(judged), first.watch.healthy)
	stop()
	done.Wait()
	if !healthy {
		return true, w.late(ctx, "%s answers by its own name, and Route 53 finds it unhealthy", first.stack.Region)
	}
	return true, nil
}

// strike breaks the primary.
func (w *world) strike(fault Fault) error {
	first := w.regions[0]
	switch fault {
	case Kill:
		return first.kill()
	case Freeze:
		return first.signal(syscall.SIGSTOP)
	case Throttle:
		first.bedrock.throttled.Store(true)
	case Partition:
		first.way.cut()
	case Both:
		first.way.cut()
		w.regions[1].way.cut()
	}
	return nil
}

// repair undoes strike.
func (w *world) repair(ctx context.Context, fault Fault) error {
	first := w.regions[0]
	switch fault {
	case Kill:
		return first.start(ctx)
	case Freeze:
		return first.signal(syscall.SIGCONT)
	case Throttle:
		first.bedrock.throttled.Store(false)
	case Partition:
		first.way.mend()
	case Both:
		first.way.mend()
		w.regions[1].way.mend()
	}
	return nil
}

// survive is the rest of a rehearsal where no Region is healthy.
func (w *world) survive(ctx context.Context, result Result, struck time.Duration) (Result, error) {
	first, second := w.regions[0], w.regions[1]
	limit := first.recovery().RTO() + grace
	if !w.clock.await(ctx, limit, func() bool { return !first.watch.healthy() && !second.watch.healthy() }) {
		return result, w.late(ctx, "%s after the fault Route 53 still finds a Region healthy", limit)
	}
	result.Detected = w.clock.now() - struck
	address, _, err := ask(ctx, w.dns, first.name)
	if err != nil {
		return result, err
	}
	result.FailOpen = w.network[address].region
	if err := w.repair(ctx, Both); err != nil {
		return result, err
	}
	repaired := w.clock.now()
	if err := w.settled(ctx, repaired); err != nil {
		return result, err
	}
	_, last, _ := w.ledger.arrived(w.options.Callers, first.stack.Region, repaired)
	result.Back = last - repaired
	w.count(&result, struck, last)
	return result, nil
}
