package catalog

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed catalog.json
var embedded []byte

// Catalog is the list of known models. It does not change once loaded and is safe for concurrent use.
type Catalog struct {
	models []Model
	byID   map[string]int
}

// Load parses and checks the embedded list. It fails only if the file in this package is unsound, which its test
// excludes; the error names every fault at once.
func Load() (*Catalog, error) { return parse(embedded) }

// Models returns all models in the order of the file: the newest of each family before the older ones.
func (c *Catalog) Models() []Model { return slices.Clone(c.models) }

// Model finds a model by its foundation model id, which may be dead or not callable by itself.
func (c *Catalog) Model(id string) (Model, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Model{}, false
	}
	return c.models[i], true
}

// The file's form. Dates are days, such as "2026-11-22", and mean midnight UTC.
type (
	fileModel struct {
		ID              string        `json:"id"`
		Name            string        `json:"name"`
		Legacy          day           `json:"legacy"`
		EndOfLife       day           `json:"endOfLife"`
		Successor       string        `json:"successor"`
		OnDemand        bool          `json:"onDemand"`
		OnDemandPrice   filePrice     `json:"onDemandPrice"`
		Profiles        []fileProfile `json:"profiles"`
		RejectsSampling bool          `json:"rejectsSampling"`
		MaxOutputTokens int           `json:"maxOutputTokens"`
		Sources         []string      `json:"sources"`
	}
	fileProfile struct {
		Prefix       string    `json:"prefix"`
		Destinations []string  `json:"destinations"`
		Price        filePrice `json:"price"`
	}
	filePrice struct {
		Input            float64 `json:"input"`
		Output           float64 `json:"output"`
		CacheRead        float64 `json:"cacheRead"`
		CacheWrite       float64 `json:"cacheWrite"`
		LongPromptOver   int     `json:"longPromptOver"`
		LongPromptFactor float64 `json:"longPromptFactor"`
		AsOf             day     `json:"asOf"`
	}
	day struct{ time.Time }
)

// UnmarshalJSON reads a day; anything else is an error that quotes it.
func (d *day) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	at, err := time.Parse(time.DateOnly, text)
	d.Time = at
	return err
}

func parse(data []byte) (*Catalog, error) {
	var file struct {
		Models []fileModel `json:"models"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("model catalog: %w", err)
	}
	c := &Catalog{byID: make(map[string]int, len(file.Models))}
	var faults []error
	for _, m := range file.Models {
		if _, twice := c.byID[m.ID]; twice {
			faults = append(faults, fmt.Errorf("model catalog: %s is listed twice", m.ID))
		}
		c.byID[m.ID] = len(c.models)
		c.models = append(c.models, m.model())
	}
	for _, m := range c.models {
		for _, fault := range c.faults(m) {
			faults = append(faults, fmt.Errorf("model catalog: %s: %s", m.ID, fault))
		}
	}
	return c, errors.Join(faults...)
}

func (m fileModel) model() Model {
	provider, _, _ := strings.Cut(m.ID, ".")
	out := Model{
		ID: m.ID, Name: m.Name, Provider: provider,
		Legacy: m.Legacy.Time, EndOfLife: m.EndOfLife.Time, Successor: m.Successor,
		OnDemand: m.OnDemand, OnDemandPrice: m.OnDemandPrice.price(),
		RejectsSampling: m.RejectsSampling, MaxOutputTokens: m.MaxOutputTokens, Sources: m.Sources,
	}
	for _, p := range m.Profiles {
		out.Profiles = append(out.Profiles, Profile{Prefix: p.Prefix, Destinations: p.Destinations, Price: p.Price.price()})
	}
	return out
}

func (p filePrice) price() Price {
	return Price{
		Input: p.Input, Output: p.Output, CacheRead: p.CacheRead, CacheWrite: p.CacheWrite,
		LongPromptOver: p.LongPromptOver, LongPromptFactor: p.LongPromptFactor, AsOf: p.AsOf.Time,
	}
}
