package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// Report is all there is to say.
type Report struct {
	Stacks   []StackChange `json:"stacks"` // those that differ
	Findings []Finding     `json:"findings"`
	Waivers  []Ignored     `json:"waivers,omitempty"` // those that excuse nothing, and why
	Cost     *CostChange   `json:"cost,omitempty"`
	Failed   []string      `json:"failed"` // the gates that do not let this pass
}

// CostChange is a cost per month on both sides.
type CostChange struct {
	Before Cost `json:"before"`
	After  Cost `json:"after"`
}

// StackChange is what happens in one stack.
type StackChange struct {
	ID      string           `json:"id"`
	Name    string           `json:"name"`
	Account string           `json:"account,omitempty"`
	Region  string           `json:"region,omitempty"`
	Action  Action           `json:"action"` // Added, Destroyed or Changed
	Changes []ResourceChange `json:"changes"`
	// Assets, Versions and Tags are the changes that are folded: resources that differ in nothing but the hash of an
	// asset, in the version they publish or point to, or in tags.
	Assets   []string    `json:"assets,omitempty"`
	Versions []string    `json:"versions,omitempty"`
	Tags     []string    `json:"tags,omitempty"`
	Others   []string    `json:"others,omitempty"` // of the stack and of other sections of its template
	Cost     *CostChange `json:"cost,omitempty"`
}

// Action is what happens to a resource or a stack.
type Action string

// The actions.
const (
	Added       Action = "added"
	Changed     Action = "changed"
	Replaced    Action = "replaced"
	MayReplaced Action = "may be replaced"
	Destroyed   Action = "destroyed"
	Kept        Action = "kept" // it leaves the stack and is not deleted
)

// ResourceChange is what happens to one resource.
type ResourceChange struct {
	Action     Action           `json:"action"`
	Resource   string           `json:"resource"` // logical id
	Name       string           `json:"name"`     // the construct's path in the stack, or the logical id
	Type       string           `json:"type"`
	Properties []PropertyChange `json:"properties,omitempty"` // none when it is added or gone
}

// PropertyChange is one property, or one attribute such as DeletionPolicy, that differs.
type PropertyChange struct {
	Name     string `json:"name"`
	Before   any    `json:"before,omitempty"`
	After    any    `json:"after,omitempty"`
	Replaces Action `json:"replaces,omitempty"` // Replaced or MayReplaced if this is why
	Asset    bool   `json:"asset,omitempty"`    // nothing differs in it but the hash of an asset
}

// folded tells whether all that differs is in the lines that fold.
func (s StackChange) folded() bool { return s.Action == Changed && len(s.Changes)+len(s.Others) == 0 }

// count counts the changes of an action.
func (s StackChange) count(actions ...Action) int {
	n := 0
	for _, c := range s.Changes {
		if slices.Contains(actions, c.Action) {
			n++
		}
	}
	return n
}

// add reports one stack, if it differs at all.
func (r *Report) add(s side, a answer) {
	stack := s.stack()
	change := StackChange{ID: stack.ID, Name: stack.Name, Account: stack.Account, Region: stack.Region, Action: Changed, Changes: []ResourceChange{}}
	switch {
	case s.added:
		change.Action = Added
	case s.removed:
		change.Action = Destroyed
	}
	assets := assetNames(s)
	folded := fold(s, a, assets)
	for _, id := range slices.Sorted(maps.Keys(a.Resources)) {
		d := a.Resources[id]
		name := s.name(id)
		switch folded[id] {
		case foldedAsset:
			change.Assets = append(change.Assets, name)
		case foldedVersion:
			change.Versions = append(change.Versions, name)
		case foldedTags:
			change.Tags = append(change.Tags, name)
		case foldedAway:
		default:
			if d.Impact != impactNone {
				change.Changes = append(change.Changes, s.resourceChange(id, d, assets))
			}
		}
	}
	slices.SortStableFunc(change.Changes, func(a, b ResourceChange) int { return cmp.Compare(a.Name, b.Name) })
	change.Versions = slices.Compact(change.Versions)
	change.Others = append(a.Others, s.settings()...)
	if len(change.Changes)+len(change.Assets)+len(change.Versions)+len(change.Tags)+len(change.Others) > 0 || change.Action != Changed {
		r.Stacks = append(r.Stacks, change)
		r.Findings = append(r.Findings, judge(s, change)...)
	}
}

func (s side) resourceChange(id string, d difference, assets *strings.Replacer) ResourceChange {
	before, after := s.before.Resources[id], s.after.Resources[id]
	c := ResourceChange{Resource: id, Name: s.name(id), Type: cmp.Or(after.Type, before.Type), Action: action(d.Impact)}
	if c.Action == Destroyed && retained(before.DeletionPolicy) {
		c.Action = Kept
	}
	if c.Action == Added || c.Action == Destroyed || c.Action == Kept {
		return c
	}
	if before.Type != after.Type {
		c.Properties = []PropertyChange{{Name: "Type", Before: before.Type, After: after.Type, Replaces: Replaced}}
		return c
	}
	for _, name := range slices.Sorted(maps.Keys(d.Properties)) {
		p := PropertyChange{Name: name, Before: before.Properties[name], After: after.Properties[name]}
		before, after := line(p.Before), line(p.After)
		p.Asset = before != after && assets.Replace(before) == assets.Replace(after)
		if why := action(d.Properties[name]); why == Replaced || why == MayReplaced {
			p.Replaces = why
		}
		c.Properties = append(c.Properties, p)
	}
	for _, name := range d.Attributes {
		if name != "Metadata" {
			c.Properties = append(c.Properties, PropertyChange{Name: name, Before: raw(s.before, id)[name], After: raw(s.after, id)[name]})
		}
	}
	return c
}

func action(impact string) Action {
	switch impact {
	case impactCreate:
		return Added
	case impactReplace:
		return Replaced
	case impactMayReplace:
		return MayReplaced
	case impactDestroy:
		return Destroyed
	case impactOrphan:
		return Kept
	}
	return Changed
}

func retained(policy string) bool { return strings.HasPrefix(policy, "Retain") }

// raw returns a resource as the template writes it, or nil.
func raw(s *assembly.Stack, id string) map[string]any {
	resources, _ := s.Template["Resources"].(map[string]any)
	object, _ := resources[id].(map[string]any)
	return object
}

// name is what a person calls a resource: its path in the construct tree beneath the stack.
func (s side) name(id string) string {
	stack, r := s.after, s.after.Resources[id]
	if r.Type == "" {
		stack, r = s.before, s.before.Resources[id]
	}
	path, _ := r.Metadata["aws:cdk:path"].(string)
	path, inStack := strings.CutPrefix(path, stack.ID+"/")
	for _, suffix := range []string{"/Resource", "/Default"} {
		path = strings.TrimSuffix(path, suffix)
	}
	if !inStack || path == "" || path == "Resource" || path == "Default" {
		return id
	}
	return path
}

// settings says what differs in the stack itself, which no template holds.
func (s side) settings() []string {
	if s.added || s.removed {
		return nil
	}
	var differ []string
	if s.before.ID != s.after.ID {
		differ = append(differ, fmt.Sprintf("the app calls the stack %s, not %s any more", s.after.ID, s.before.ID))
	}
	if s.before.TerminationProtection != s.after.TerminationProtection {
		differ = append(differ, fmt.Sprintf("termination protection: %t, was %t", s.after.TerminationProtection, s.before.TerminationProtection))
	}
	if !maps.Equal(s.before.Tags, s.after.Tags) {
		differ = append(differ, "tags of the stack, which all its resources carry")
	}
	return differ
}
