package drill

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// addresses of the primary and the secondary in DNS, of ranges for documentation.
var addresses = [2]string{"192.0.2.10", "198.51.100.10"}

// world is everything that runs in a drill.
type world struct {
	options Options
	clock   clock
	regions [2]*region
	network network
	dns     string // address of the DNS server
	ledger  *ledger
	alias   string
	key     string
	struck  []time.Duration // when each fault had begun

	running sync.WaitGroup // callers and checkers
	stop    context.CancelFunc
	noting  sync.WaitGroup // of what is stored
	noted   context.CancelFunc
	closers []func()
}

// newWorld starts everything, with the application inference profiles that the templates make. It is closed where there is
// an error.
func newWorld(ctx context.Context, o Options, sites [2]site, profiles map[string]string) (w *world, err error) {
	w = &world{options: o, clock: newClock(o.Speed), network: network{}, ledger: &ledger{}}
	ctx, w.stop = context.WithCancel(ctx)
	noting, noted := context.WithCancel(context.WithoutCancel(ctx))
	w.noted = noted
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for i, s := range sites {
		s.hasten(w.clock)
		w.regions[i] = &region{site: s, address: addresses[i], bedrock: newBedrock(w.clock, profiles)}
		if s.bucket == "" {
			continue
		}
		lag := o.Lag
		if !s.copied {
			lag = -1
		}
		records := newStore(w.clock, s.bucket, lag)
		w.regions[i].store = records
		w.noting.Go(func() { records.run(noting) })
	}
	if w.alias, err = aliasFor(o.Alias, sites); err != nil {
		return w, err
	}
	standIns, err := w.standIns()
	if err != nil {
		return w, err
	}
	options := local.Options{Root: o.Root, Work: o.Work, StandIns: standIns, Build: builtOnce(o.Build)}
	for _, r := range w.regions {
		r.options = options
		if err := w.open(ctx, r); err != nil {
			return w, err
		}
	}
	return w, w.begin(ctx)
}

// standIns starts what stands in for AWS, and returns the variables that lead there.
func (w *world) standIns() (map[string]string, error) {
	byRegion := map[string]http.Handler{}
	buckets := http.NewServeMux()
	var environments []map[string]string
	for _, r := range w.regions {
		byRegion[r.stack.Region] = r.bedrock
		environments = append(environments, r.told)
		if r.store != nil {
			buckets.Handle("/"+r.bucket+"/", r.store.bucket)
		}
	}
	bedrockURL, err := w.serve(bedrocks(byRegion, newBedrock(w.clock, nil)))
	if err != nil {
		return nil, err
	}
	variables := local.EmbeddedStandIns(bedrockURL)
	if variables[local.EndpointS3], err = w.serve(buckets); err != nil {
		return nil, err
	}
	if vault := local.NewVault(environments...); vault != nil {
		w.key = vault.Key
		variables[local.EndpointSecretsManager], err = w.serve(vault)
	}
	return variables, err
}

// serve serves a stand-in on this machine, and returns its URL.
func (w *world) serve(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends when closed
	w.closers = append(w.closers, func() { _ = server.Close() })
	return "http://" + listener.Addr().String(), nil
}

// open starts a Region's program, and its front on the way to it.
func (w *world) open(ctx context.Context, r *region) error {
	var err error
	if r.listen, err = freeAddress(); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	if r.front, err = newFront(w.clock, r.site, r.listen); err != nil {
		return err
	}
	r.way = newWay(r.stack.Region, r.front.address)
	w.network[r.address] = r.way
	return nil
}

// begin starts DNS, the checkers and the callers.
func (w *world) begin(ctx context.Context) error {
	first, second := w.regions[0], w.regions[1]
	plain := map[string]string{}
	for _, r := range w.regions {
		plain[r.checkHost] = r.address
		r.watch = &watch{clock: w.clock, check: r.check, host: r.checkHost, dial: func(ctx context.Context, host string) (net.Conn, error) {
			return dialName(ctx, w.network, func(ctx context.Context, host string) (string, error) {
				address, _, err := ask(ctx, w.dns, host)
				return address, err
			}, host)
		}}
	}
	address, stop, err := serveDNS(&zone{name: first.name, plain: plain, records: []target{
		{first.address, first.weight, first.watch.healthy}, {second.address, second.weight, second.watch.healthy},
	}})
	if err != nil {
		return err
	}
	w.dns, w.closers = address, append(w.closers, stop)
	for _, r := range w.regions {
		w.running.Go(func() { r.watch.run(ctx) })
	}
	for i := range w.options.Callers {
		c := newCaller(w.clock, w.network, w.dns, first.site)
		c.number, c.alias, c.key, c.ledger = i, w.alias, w.key, w.ledger
		w.running.Go(func() {
			// One after another, so that the connections are of every age.
			if w.clock.pass(ctx, first.keepAlive/time.Duration(w.options.Callers)*time.Duration(i)) {
				c.run(ctx, w.options.Pause)
			}
		})
	}
	return nil
}

// close ends everything: the callers first, then the programs, which store what they hold, and then what they need.
func (w *world) close() error {
	w.stop()
	w.running.Wait()
	var problems []error
	for _, r := range w.regions {
		if r != nil {
			problems = append(problems, r.close())
		}
	}
	w.noted()
	w.noting.Wait()
	for _, c := range w.closers {
		c()
	}
	return errors.Join(problems...)
}

// shared tells whether both Regions have callers.
func (w *world) shared() bool { return w.regions[0].weight > 0 }

// home tells whether since a time all callers were answered where they belong, and when the last of them was: by the
// primary, or where callers are shared by any Region, and each Region has answered some.
func (w *world) home(since time.Duration) (last time.Duration, all bool) {
	if !w.shared() {
		_, last, all = w.ledger.arrived(w.options.Callers, w.regions[0].stack.Region, since)
		return last, all
	}
	_, last, all = w.ledger.arrived(w.options.Callers, "", since)
	for _, r := range w.regions {
		first, _, _ := w.ledger.arrived(w.options.Callers, r.stack.Region, since)
		last, all = max(last, first), all && first > 0
	}
	return last, all
}

// count counts the requests of a span of time, and the records of a Region that were not copied when its fault, the last so
// far, had begun.
func (w *world) count(result *Result, of *region, from, to time.Duration) {
	for _, o := range w.ledger.between(from, to) {
		if o.caller < 0 {
			continue
		}
		result.Requests++
		if !o.good {
			result.Failed++
		}
		if o.cut {
			result.Cut++
		}
		if waited := o.end - o.start; o.stream && !o.good && o.region == of.stack.Region && (result.GaveUp == 0 || waited < result.GaveUp) {
			result.GaveUp = waited
		}
	}
	begun := w.struck[len(w.struck)-1]
	for _, o := range w.uncopied(of, begun) {
		result.Uncopied++
		result.Oldest = max(result.Oldest, begun-o.end)
	}
}

// uncopied are the requests that a Region had answered by then, and whose records the other Region would never have if it
// were lost at that moment.
func (w *world) uncopied(of *region, at time.Duration) []outcome {
	if of.store == nil {
		return nil
	}
	var found []outcome
	for _, o := range w.ledger.between(0, at) {
		if o.good && o.region == of.stack.Region && !of.store.copied(o.id, at) {
			found = append(found, o)
		}
	}
	return found
}

// findLost counts, once everything is stored, the records that no Region has.
func (w *world) findLost(report *Report) {
	from := time.Duration(0)
	for i := range report.Results {
		to := w.struck[i]
		for _, o := range w.ledger.between(from, to) {
			if r := w.regionOf(o); o.good && r != nil && r.store != nil && !r.store.stored(o.id) {
				report.Results[i].Lost++
			}
		}
		from = to + 1
	}
}

func (w *world) regionOf(o outcome) *region {
	for _, r := range w.regions {
		if r.stack.Region == o.region {
			return r
		}
	}
	return nil
}

// aliasFor is the alias that callers ask for: one that leads out of its Region would hide from them what befalls it.
func aliasFor(wanted string, sites [2]site) (string, error) {
	told, err := settings.Load(func(name string) string { return sites[0].told[name] })
	if err != nil {
		return "", fmt.Errorf("stack %s: %w", sites[0].stack.ID, err)
	}
	var names []string
	for _, alias := range told.Aliases {
		inside := true
		for _, t := range alias.Targets {
			inside = inside && t.Region == sites[0].stack.Region
		}
		if alias.Name == wanted || wanted == "" && inside {
			return alias.Name, nil
		}
		names = append(names, alias.Name)
	}
	return "", fmt.Errorf("alias %q: the template has %v, and without a name one is taken whose targets are all in %s", wanted, names, sites[0].stack.Region)
}
