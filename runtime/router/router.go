// Package router turns the configured aliases into routes: which name leads to which targets. It must not know HTTP
// or AWS; what a model is it asks the catalog.
package router

import (
	"errors"
	"fmt"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Router implements inference.Router. It is immutable.
type Router struct {
	aliases []string
	routes  map[string]inference.Route // by every name that is allowed
	prices  map[string]catalog.Price   // by the id Bedrock is called with
}

// New checks every target against the catalog and names all that are unknown. A caller may use an alias, or the
// foundation model id or profile id of a configured target, which leads to the first alias that has it.
func New(aliases []settings.Alias, known *catalog.Catalog) (*Router, error) {
	r := &Router{routes: map[string]inference.Route{}, prices: map[string]catalog.Price{}}
	var problems []error
	byID := map[string]inference.Route{}
	for _, alias := range aliases {
		route := inference.Route{Alias: alias.Name, DefaultMaxTokens: alias.DefaultMaxTokens, MaxTokens: alias.MaxTokens, Messages: true}
		models := make([]string, len(alias.Targets))
		for i, target := range alias.Targets {
			call, err := known.Resolve(target.Model)
			if err != nil {
				problems = append(problems, fmt.Errorf("alias %q, targets[%d]: %w", alias.Name, i, err))
				continue
			}
			models[i] = call.Model.ID
			r.prices[target.Model] = call.Price()
			route.Messages = route.Messages && call.Model.Provider == "anthropic"
			route.Targets = append(route.Targets, inference.Target(target))
		}
		r.aliases = append(r.aliases, alias.Name)
		r.routes[alias.Name] = route
		addIDs(byID, route, models)
	}
	for id, route := range byID {
		if _, taken := r.routes[id]; !taken {
			r.routes[id] = route
		}
	}
	return r, errors.Join(problems...)
}

// addIDs lets a caller name a target's model or profile. Only that model's targets are kept: who asks for one model by
// its id must not be answered by another.
func addIDs(byID map[string]inference.Route, route inference.Route, models []string) {
	if len(models) != len(route.Targets) {
		return // the alias has problems, which New reports
	}
	for i, target := range route.Targets {
		for _, name := range []string{models[i], target.Model} {
			if _, taken := byID[name]; taken {
				continue
			}
			narrowed := route
			narrowed.Targets = nil
			for j, other := range route.Targets {
				if models[j] == name || other.Model == name {
					narrowed.Targets = append(narrowed.Targets, other)
				}
			}
			byID[name] = narrowed
		}
	}
}

// Route implements inference.Router.
func (r *Router) Route(model string) (inference.Route, error) {
	if route, ok := r.routes[model]; ok {
		return route, nil
	}
	return inference.Route{}, &inference.Error{
		Code:    inference.NotFound,
		Field:   "model",
		Message: fmt.Sprintf("The model %q does not exist here. Available: %s.", clip(model), strings.Join(r.aliases, ", ")),
	}
}

// Models returns the aliases in their configured order.
func (r *Router) Models() []string { return r.aliases }

// Cost estimates the list price in US dollars of what a target used. It reports false when no price is known.
func (r *Router) Cost(target inference.Target, usage inference.Usage) (float64, bool) {
	return r.prices[target.Model].Cost(usage)
}

// clip keeps an error readable whatever the caller sent as a model name.
func clip(name string) string {
	const most = 100
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}
