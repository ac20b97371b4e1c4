// Package drill rehearses a failover on this machine: two Regions, each its own program from its own template, with its
// own embedded Bedrock and store, behind a front that stands for its load balancer; a DNS server with the synthesized
// records, and health checkers with the synthesized settings; and callers that resolve and keep connections as real ones
// do. It breaks the primary in several ways, repairs it, and says how long everything took.
//
// What it cannot show: the time that Route 53 needs to tell its name servers, and that a second Region must grow. There is
// no TLS, and one program for each Region.
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
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
)

// Options says what to rehearse. All but Alias, Region and Build are required.
type Options struct {
	Root     string // of the checkout
	Work     string // folder for binaries and logs, of this drill alone
	Assembly string // of an environment with failover
	Variant  string // serverless, containers or instances
	Alias    string // that callers ask for; default: the first of which every target is in the caller's Region
	Faults   []Fault
	Region   string // to hit; default: the primary, or where both Regions have callers the one and then the other
	Callers  int
	Pause    time.Duration // of a caller between two requests
	Lag      time.Duration // of the copies of usage records
	// Build makes a program for this machine; default local.GoBuild.
	Build func(ctx context.Context, root, program, output string) error
	Speed float64 // how much faster than real time, 1 to 100. Programs take real time for their work, whatever this is
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
	for _, fault := range o.Faults {
		add(!slices.Contains(Faults(), fault), "%s", unknown(fault))
	}
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
	if len(hitRegions(o.Region, sites)) == 0 {
		return nil, fmt.Errorf("the Region to hit is %q; allowed are %v, which have callers", o.Region, hitRegions("", sites))
	}
	profiles, err := a.Profiles()
	if err != nil {
		return nil, err
	}
	w, err := newWorld(ctx, o, sites, profiles)
	if err != nil {
		return nil, err
	}
	report := w.report()
	var broken error
	for _, s := range w.strikes() {
		_, _ = fmt.Fprintf(progress, "%s %s in %s …\n", seconds(w.clock.now()), s.fault, s.hit.stack.Region)
		var result Result
		if result, broken = w.rehearse(ctx, s); broken != nil {
			broken = fmt.Errorf("%s: %w", s.fault, broken)
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
	r := &Report{Name: first.name, Primary: first.stack.Region, Secondary: second.stack.Region, Shared: w.shared(), Speed: w.options.Speed,
		Callers: w.options.Callers, Plan: first.recovery(), Lag: w.options.Lag}
	if first.store != nil && first.copied {
		loss := recovery.Records(w.clock.drill(first.flush)) // the program takes its time
		r.Loss = &loss
	}
	return r
}

// rehearse breaks a Region, waits until every caller is served by the other, repairs it, and waits until every caller is
// back.
func (w *world) rehearse(ctx context.Context, s strike) (Result, error) {
	result := Result{Fault: s.fault, Region: s.hit.stack.Region}
	begin := w.clock.now()
	if err := w.settled(ctx, begin); err != nil {
		return result, err
	}
	struck := w.clock.now()
	if err := s.begin(); err != nil {
		return result, err
	}
	w.struck = append(w.struck, w.clock.now()) // what is answered while the program is being killed may be lost with it
	if s.fault == Both {
		return w.survive(ctx, s, result, struck)
	}
	limit := s.hit.recovery().RTO() + grace
	if !w.clock.await(ctx, limit, func() bool { return !s.hit.watch.healthy() }) {
		return result, w.late(ctx, "%s after the fault Route 53 still finds %s healthy", limit, s.hit.stack.Region)
	}
	result.Detected = w.clock.now() - struck
	since := struck
	if w.shared() { // until then, resolvers may lead a caller who was served by the other Region back to this one
		since += result.Detected + recovery.AliasTTL
	}
	var last time.Duration
	if !w.clock.await(ctx, limit, func() (all bool) {
		_, last, all = w.ledger.arrived(w.options.Callers, s.other.stack.Region, since)
		return all
	}) {
		return result, w.late(ctx, "%s after the fault was found, some callers have had no answer of %s", limit, s.other.stack.Region)
	}
	first, _, _ := w.ledger.arrived(w.options.Callers, s.other.stack.Region, struck)
	result.First, result.Last = first-struck, last-struck
	if err := s.end(ctx); err != nil {
		return result, err
	}
	repaired := w.clock.now()
	for _, o := range w.ledger.between(last, repaired) {
		if !o.good {
			result.Relapsed++
		}
	}
	var err error
	if result.Held, err = w.heal(ctx, s.hit); err != nil {
		return result, err
	}
	if result.Back, err = w.back(ctx, s.hit, repaired); err != nil {
		return result, err
	}
	w.count(&result, s.hit, struck, last)
	return result, nil
}

// back waits until every caller is where it belongs, and returns how long after a time that was.
func (w *world) back(ctx context.Context, hit *region, since time.Duration) (time.Duration, error) {
	var last time.Duration
	limit := hit.recovery().RTO() + grace
	if !w.clock.await(ctx, limit, func() (all bool) {
		last, all = w.home(since)
		return all
	}) {
		return 0, w.late(ctx, "%s after it was found healthy again, some callers are not back in %s", limit, hit.stack.Region)
	}
	return last - since, nil
}

// grace is what is waited beyond the recovery time, to tell one that is too long from one without an end.
const grace = 2 * time.Minute

func (w *world) late(ctx context.Context, format string, args ...any) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return fmt.Errorf(format, args...)
}

// settled waits until every caller has had a good answer where it belongs, and records have had the time to be copied, so that
// one that is not tells of the lag, and not of a drill that has just begun. Then both Regions must be healthy still.
func (w *world) settled(ctx context.Context, since time.Duration) error {
	first, second := w.regions[0], w.regions[1]
	limit := first.recovery().RTO() + grace
	for end := w.clock.now() + limit; ; {
		if !w.clock.await(ctx, end-w.clock.now(), func() bool {
			_, all := w.home(since)
			return all && first.watch.healthy() && second.watch.healthy()
		}) {
			return w.late(ctx, "%s are not enough for all callers to be answered where they belong", limit)
		}
		if !w.clock.pass(ctx, w.options.Lag+w.clock.drill(first.flush)) {
			return errors.New("interrupted")
		}
		if first.watch.healthy() && second.watch.healthy() {
			return nil
		}
	}
}

// ownCallers are how many ask a Region by its own name at one time.
const ownCallers = 4

// heal waits until Route 53 finds a Region healthy. One that says unhealthy since nobody calls it is asked by its own name,
// as the runbook says; held tells of it.
func (w *world) heal(ctx context.Context, hit *region) (held bool, err error) {
	plan := hit.recovery()
	limit := time.Duration(plan.Check.Failures)*(plan.Check.Interval+recovery.ConnectWait+recovery.AnswerWait) + plan.Check.Interval
	if w.clock.await(ctx, limit, hit.watch.healthy) {
		return false, nil
	}
	asking, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	for range ownCallers {
		own := newCaller(w.clock, w.network, w.dns, hit.site)
		own.url = strings.Replace(own.url, hit.name, hit.checkHost, 1)
		own.number, own.alias, own.key, own.ledger = -1, w.alias, w.key, w.ledger
		done.Go(func() { own.run(asking, time.Second) })
	}
	healthy := w.clock.await(ctx, limit+w.clock.drill(w.clock.told(endpoint.HealthWindow)), hit.watch.healthy)
	stop()
	done.Wait()
	if !healthy {
		return true, w.late(ctx, "%s answers by its own name, and Route 53 finds it unhealthy", hit.stack.Region)
	}
	return true, nil
}

// survive is the rest of a rehearsal where no Region is healthy.
func (w *world) survive(ctx context.Context, s strike, result Result, struck time.Duration) (Result, error) {
	limit := s.hit.recovery().RTO() + grace
	if !w.clock.await(ctx, limit, func() bool { return !s.hit.watch.healthy() && !s.other.watch.healthy() }) {
		return result, w.late(ctx, "%s after the fault Route 53 still finds a Region healthy", limit)
	}
	result.Detected = w.clock.now() - struck
	var err error
	if result.FailOpen, err = w.answers(ctx); err != nil {
		return result, err
	}
	if err := s.end(ctx); err != nil {
		return result, err
	}
	repaired := w.clock.now()
	if err := w.settled(ctx, repaired); err != nil {
		return result, err
	}
	last, _ := w.home(repaired)
	result.Back = last - repaired
	w.count(&result, s.hit, struck, last)
	return result, nil
}

// asks are so many that two Regions with the same weight are both among the answers but once in half a million times.
const asks = 20

// answers are the Regions that DNS answers with, each once.
func (w *world) answers(ctx context.Context) (string, error) {
	var found []string
	for range asks {
		address, _, err := ask(ctx, w.dns, w.regions[0].name)
		if err != nil {
			return "", err
		}
		if region := w.network[address].region; !slices.Contains(found, region) {
			found = append(found, region)
		}
	}
	slices.Sort(found)
	return strings.Join(found, " and "), nil
}
