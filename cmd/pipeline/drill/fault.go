package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is a way to break a Region.
type Fault string

// The faults.
const (
	Kill      Fault = "kill"      // the program dies, and its balancer says 502
	Freeze    Fault = "freeze"    // the program is stopped: it accepts connections and says nothing
	Throttle  Fault = "throttle"  // the Region's Bedrock answers every call with 429
	Mute      Fault = "mute"      // the Region's Bedrock takes every new call and says nothing
	Partition Fault = "partition" // packets to and from the Region are dropped
	Both      Fault = "both"      // the same for both Regions: there is nowhere to go, and it must be survived
)

// breaking is how a Region is broken and repaired.
type breaking struct {
	fault Fault
	do    func(*region) error
	undo  func(*region, context.Context) error
}

// breakings are those of every fault, in the order in which a drill tries them.
func breakings() []breaking {
	return []breaking{
		{Kill, (*region).kill, (*region).start},
		{Freeze, (*region).freeze, (*region).thaw},
		{Throttle, (*region).throttle, (*region).ease},
		{Mute, (*region).mute, (*region).ease},
		{Partition, (*region).cutOff, (*region).rejoin},
		{Both, (*region).cutOff, (*region).rejoin},
	}
}

// Faults returns every fault, in the order in which a drill tries them.
func Faults() []Fault {
	var all []Fault
	for _, b := range breakings() {
		all = append(all, b.fault)
	}
	return all
}

// ParseFaults reads a list of faults, such as "kill,freeze".
func ParseFaults(text string) ([]Fault, error) {
	var list []Fault
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(Faults(), Fault(name)) {
			return nil, errors.New(unknown(Fault(name)))
		}
		list = append(list, Fault(name))
	}
	return list, nil
}

func unknown(fault Fault) string {
	return fmt.Sprintf("fault %q is unknown; allowed is a list of %s", fault, strings.Trim(fmt.Sprint(Faults()), "[]"))
}

// strike is a fault of one Region, or of both.
type strike struct {
	breaking
	hit, other *region
}

// strikes are the faults of each Region that is to be hit.
func (w *world) strikes() []strike {
	hit := hitRegions(w.options.Region, [2]site{w.regions[0].site, w.regions[1].site})
	var all []strike
	for _, fault := range w.options.Faults {
		b := breakings()[slices.Index(Faults(), fault)]
		if fault == Both {
			all = append(all, strike{b, w.regions[0], w.regions[1]})
			continue
		}
		for i, r := range w.regions {
			if slices.Contains(hit, r.stack.Region) {
				all = append(all, strike{b, r, w.regions[1-i]})
			}
		}
	}
	return all
}

// hitRegions are the Regions to hit, of those that have callers: the one that is wanted, or the primary; where both have some,
// one after the other. Empty: the one that is wanted has none.
func hitRegions(wanted string, sites [2]site) []string {
	callers := []string{sites[0].stack.Region}
	if sites[0].weight > 0 {
		callers = append(callers, sites[1].stack.Region)
	}
	return slices.DeleteFunc(callers, func(region string) bool { return wanted != "" && region != wanted })
}

// broken are the Regions that the fault is of.
func (s strike) broken() []*region {
	if s.fault == Both {
		return []*region{s.hit, s.other}
	}
	return []*region{s.hit}
}

// begin breaks what is to be broken.
func (s strike) begin() error {
	for _, r := range s.broken() {
		if err := s.do(r); err != nil {
			return err
		}
	}
	return nil
}

// end repairs it.
func (s strike) end(ctx context.Context) error {
	for _, r := range s.broken() {
		if err := s.undo(r, ctx); err != nil {
			return err
		}
	}
	return nil
}
