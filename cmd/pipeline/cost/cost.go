// Package cost says what a synthesized environment costs: what stands there for a month whatever the load, and what a
// million requests cost through each variant at a stated load. It reads templates and list prices, so that it judges
// what will be deployed and needs neither an account nor a network.
//
// No figure is guessed: where nobody can point to a price there is none, and where a type of resource is not known it
// is listed as not priced. It must not know CDK or jsii, nor what anybody really pays.
package cost

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/constructs/price"
	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
)

// Report is the cost of every deployment in an assembly.
type Report struct {
	AsOf time.Time `json:"asOf"` // the day the ages of prices are judged by
	Load Load      `json:"load"`
	// RequestsPerMonth is what the load makes in a month of 730 hours, in millions.
	RequestsPerMonth float64      `json:"millionRequestsPerMonth"`
	Deployments      []Deployment `json:"deployments"`
	// Fixed is the fixed cost of all deployments for a month.
	Fixed Sum `json:"fixed"`
	// Warnings are prices older than a year, of resources and of tokens.
	Warnings []string `json:"warnings"`
	// Prices are those that hold in the Regions of the deployments.
	Prices []price.Price `json:"prices"`
}

// Deployment is an environment in one Region.
type Deployment struct {
	Name     string    `json:"name"` // such as "prod-us-east-1"
	Region   string    `json:"region"`
	Stacks   []Stack   `json:"stacks"`
	USD      float64   `json:"usd"`     // a month's fixed cost, of what is known
	Unknown  int       `json:"unknown"` // items without a price
	Variants []Variant `json:"variants"`
}

// Stack is the fixed cost of one stack.
type Stack struct {
	ID string `json:"id"`
	Fixed
	shared bool
}

// Of works out the cost of an assembly under a load. Prices are old, and warned of, by the day now.
func Of(a *assembly.Assembly, load Load, now time.Time) (*Report, error) {
	if err := load.check(); err != nil {
		return nil, err
	}
	prices, err := price.Load()
	if err != nil {
		return nil, err
	}
	models, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	r := &Report{AsOf: now, Load: load, RequestsPerMonth: load.millions(), Warnings: []string{}}
	groups, err := deployments(a)
	if err != nil {
		return nil, err
	}
	for _, stacks := range groups {
		d, err := deployment(prices, models, load, stacks)
		if err != nil {
			return nil, err
		}
		r.Deployments = append(r.Deployments, d)
		r.Fixed.USD += d.USD
		r.Fixed.Unknown += d.Unknown
	}
	if len(r.Deployments) == 0 {
		return nil, errors.New(a.Dir + " has no stacks")
	}
	r.date(prices, now)
	return r, nil
}

// deployments puts the stacks of each deployment together, nested ones too. A deployment is the first part of an id.
func deployments(a *assembly.Assembly) ([][]*assembly.Stack, error) {
	var groups [][]*assembly.Stack
	last := ""
	for _, s := range a.Stacks {
		nested, err := s.Nested()
		if err != nil {
			return nil, err
		}
		if name, _, _ := strings.Cut(s.ID, "/"); len(groups) == 0 || name != last {
			groups, last = append(groups, nil), name
		}
		groups[len(groups)-1] = append(append(groups[len(groups)-1], s), nested...)
	}
	return groups, nil
}

// Standing is the fixed cost of all deployments in an assembly for a month, as Of reports it, without any load.
func Standing(a *assembly.Assembly) (Sum, error) {
	prices, err := price.Load()
	if err != nil {
		return Sum{}, err
	}
	groups, err := deployments(a)
	if err != nil {
		return Sum{}, err
	}
	var all Sum
	for _, stacks := range groups {
		d, err := standing(prices, stacks)
		if err != nil {
			return Sum{}, err
		}
		all.USD += d.USD
		all.Unknown += d.Unknown
	}
	return all, nil
}

// standing is a deployment with its fixed cost alone.
func standing(prices *price.List, stacks []*assembly.Stack) (Deployment, error) {
	name, _, _ := strings.Cut(stacks[0].ID, "/")
	d := Deployment{Name: name, Region: stacks[0].Region}
	for _, s := range stacks {
		fixed, err := OfStack(prices, s)
		if err != nil {
			return d, err
		}
		d.Stacks = append(d.Stacks, Stack{ID: s.ID, Fixed: fixed})
		d.USD += fixed.USD
		d.Unknown += fixed.Unknown()
	}
	return d, nil
}

func deployment(prices *price.List, models *catalog.Catalog, load Load, stacks []*assembly.Stack) (Deployment, error) {
	d, err := standing(prices, stacks)
	if err != nil {
		return d, err
	}
	for i, s := range stacks {
		programs, err := programsOf(s)
		if err != nil {
			return d, err
		}
		d.Stacks[i].shared = len(programs) == 0
		for _, program := range programs {
			p := pricing{prices: prices, catalog: models, load: load, stack: s, program: program, fixed: d.Stacks[i].Fixed}
			v, err := p.variant()
			if err != nil {
				return d, err
			}
			d.Variants = append(d.Variants, v)
		}
	}
	d.share(load)
	return d, nil
}

// share puts the fixed cost of the stacks without a program beside each variant, as if that alone had all the traffic.
func (d *Deployment) share(load Load) {
	var monthly float64
	for _, s := range d.Stacks {
		if s.shared {
			monthly += s.USD
		}
	}
	for i := range d.Variants {
		usd := monthly / load.millions()
		d.Variants[i].Shared = Part{Item: "shared stacks", USD: &usd, Basis: fmt.Sprintf("$%.2f a month, as if this variant had all the traffic", monthly)}
	}
}

// date collects the prices that hold where something is deployed, and warns of the old.
func (r *Report) date(prices *price.List, now time.Time) {
	holds := func(p price.Price) bool {
		return slices.ContainsFunc(r.Deployments, func(d Deployment) bool {
			found, ok := prices.Find(p.Key, d.Region)
			return ok && slices.Equal(found.Regions, p.Regions)
		})
	}
	for _, p := range prices.All() {
		if !holds(p) {
			continue
		}
		r.Prices = append(r.Prices, p)
		if p.Old(now) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s is a price of %s, more than a year ago: %s", p.Key, p.Source.AsOf.Format(time.DateOnly), p.Source.URL))
		}
	}
	r.dateTokens(now)
}

// dateTokens warns of old prices of tokens, once for each model.
func (r *Report) dateTokens(now time.Time) {
	warned := map[string]bool{}
	for _, d := range r.Deployments {
		for _, v := range d.Variants {
			for _, call := range v.asked {
				if call.Price().Old(now) && !warned[call.ID] {
					warned[call.ID] = true
					r.Warnings = append(r.Warnings, fmt.Sprintf("tokens of %s have a price of %s, more than a year ago: see the catalog", call.ID, call.Price().AsOf.Format(time.DateOnly)))
				}
			}
		}
	}
}
