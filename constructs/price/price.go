// Package price is the dated list of what AWS bills for the parts of a deployment: compute on both architectures,
// networks, balancers, logs. Each price in prices.json names where it was read and the day it was true; a price that
// nobody can point to is absent, and whoever asks for it must say so. Prices of tokens are in runtime/catalog.
//
// The operator's command and the dashboards of constructs import it. It must not know CDK, a template, nor a load.
package price

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

//go:embed prices.json
var embedded []byte

// HoursPerMonth is the month that AWS's own calculator reckons with.
const HoursPerMonth = 730

// maxAge is how old a price may be before it is suspect, in years.
const maxAge = 1

// everywhere marks a price that is the same in all Regions.
const everywhere = "*"

// Source is where prices were read.
type Source struct {
	Text string    `json:"text"` // what it is, and who quotes it
	URL  string    `json:"url"`  // of what is quoted, or of the page that a person would check
	AsOf time.Time `json:"asOf"` // the day the prices were true, UTC midnight
}

// Price is one list price in US dollars, without free tiers, taxes and agreements.
type Price struct {
	Key     string   `json:"key"` // such as "nat.hour"
	USD     float64  `json:"usd"`
	Unit    string   `json:"unit"`    // what one costs that, such as "hour"
	Regions []string `json:"regions"` // where it is true; "*" is everywhere
	Source  Source   `json:"source"`
}

// List is the list of prices. It does not change once loaded and is safe for concurrent use.
type List struct {
	prices []Price
	x86    map[string]string
}

// Load parses and checks the embedded list. It fails only if the file in this package is unsound, which its test
// excludes; the error names every fault at once.
func Load() (*List, error) { return parse(embedded) }

// All returns every price, in the order of the file.
func (l *List) All() []Price { return slices.Clone(l.prices) }

// Find returns the price with the key that is true in the Region; false when nobody could point to one.
func (l *List) Find(key, region string) (Price, bool) {
	for _, p := range l.prices {
		if p.Key == key && (slices.Contains(p.Regions, region) || slices.Contains(p.Regions, everywhere)) {
			return p, true
		}
	}
	return Price{}, false
}

// X86 returns the x86 instance type with as many virtual CPUs and as much memory as a Graviton type, of the newest
// generation whose price is known.
func (l *List) X86(graviton string) (string, bool) {
	peer, ok := l.x86[graviton]
	return peer, ok
}

// Old tells whether the price was read more than a year before now.
func (p Price) Old(now time.Time) bool { return now.After(p.Source.AsOf.AddDate(maxAge, 0, 0)) }

// file is the form of prices.json. Dates are days, such as "2026-11-22", and mean midnight UTC.
type file struct {
	Sources map[string]struct {
		Text string `json:"text"`
		URL  string `json:"url"`
		AsOf string `json:"asOf"`
	} `json:"sources"`
	Prices []struct {
		Key     string   `json:"key"`
		USD     float64  `json:"usd"`
		Unit    string   `json:"unit"`
		Regions []string `json:"regions"`
		Source  string   `json:"source"`
	} `json:"prices"`
	X86 map[string]string `json:"x86"`
}

func parse(data []byte) (*List, error) {
	var f file
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return nil, fmt.Errorf("the list of prices: %w", err)
	}
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("prices.json: "+format, args...))
	}
	sources := map[string]Source{}
	for id, s := range f.Sources {
		day, err := time.Parse(time.DateOnly, s.AsOf)
		if err != nil || s.Text == "" || s.URL == "" {
			problem("source %q needs text, url and a day such as 2026-11-22; it has %+v", id, s)
		}
		sources[id] = Source{Text: s.Text, URL: s.URL, AsOf: day}
	}
	l := &List{x86: f.X86}
	seen := map[string]bool{}
	for _, p := range f.Prices {
		source, known := sources[p.Source]
		if p.Key == "" || p.Unit == "" || p.USD <= 0 || len(p.Regions) == 0 || !known {
			problem("a price needs key, unit, regions, a positive usd and a source of the list: %+v", p)
		}
		for _, region := range p.Regions {
			if seen[p.Key+" "+region] {
				problem("%s is there twice for %s", p.Key, region)
			}
			seen[p.Key+" "+region] = true
		}
		l.prices = append(l.prices, Price{Key: p.Key, USD: p.USD, Unit: p.Unit, Regions: p.Regions, Source: source})
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return l, nil
}
