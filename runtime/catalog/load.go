package catalog

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
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

func parse(data []byte) (*Catalog, error) {
	models, err := readModels(data)
	if err != nil {
		return nil, fmt.Errorf("model catalog: %w", err)
	}
	c := &Catalog{models: models, byID: make(map[string]int, len(models))}
	var faults []error
	for i, m := range models {
		if _, twice := c.byID[m.ID]; twice {
			faults = append(faults, fmt.Errorf("model catalog: %s is listed twice", m.ID))
		}
		c.byID[m.ID] = i
	}
	for _, m := range c.models {
		for _, fault := range c.faults(m) {
			faults = append(faults, fmt.Errorf("model catalog: %s: %s", m.ID, fault))
		}
	}
	return c, errors.Join(faults...)
}
