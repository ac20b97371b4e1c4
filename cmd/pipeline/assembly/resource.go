package assembly

import (
	"cmp"
	"slices"
)

// Resource is one resource of a template.
type Resource struct {
	LogicalID  string         `json:"-"`
	Type       string         `json:"Type"`
	Properties map[string]any `json:"Properties"`
	Metadata   map[string]any `json:"Metadata"`
	// DeletionPolicy and UpdateReplacePolicy are empty where the template has none.
	DeletionPolicy      string `json:"DeletionPolicy"`
	UpdateReplacePolicy string `json:"UpdateReplacePolicy"`
}

// ByType returns the resources of one type, by logical id.
func (s *Stack) ByType(kind string) []Resource {
	var found []Resource
	for _, r := range s.Resources {
		if r.Type == kind {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b Resource) int { return cmp.Compare(a.LogicalID, b.LogicalID) })
	return found
}

// Kind is a resource type and how many there are of it.
type Kind struct {
	Type  string
	Count int
}

// Kinds counts the stack's resources by type, by type's name.
func (s *Stack) Kinds() []Kind {
	counts := map[string]int{}
	for _, r := range s.Resources {
		counts[r.Type]++
	}
	kinds := make([]Kind, 0, len(counts))
	for kind, count := range counts {
		kinds = append(kinds, Kind{kind, count})
	}
	slices.SortFunc(kinds, func(a, b Kind) int { return cmp.Compare(a.Type, b.Type) })
	return kinds
}

// Reference returns the logical id that a value of the form {"Ref": id} or {"Fn::GetAtt": [id, attribute]} points to.
// The attribute is empty for a Ref. Pseudo parameters such as AWS::Region are references too.
func Reference(value any) (logicalID, attribute string, ok bool) {
	object, isObject := value.(map[string]any)
	if !isObject || len(object) != 1 {
		return "", "", false
	}
	if id, isRef := object["Ref"].(string); isRef {
		return id, "", true
	}
	if parts, isGet := object["Fn::GetAtt"].([]any); isGet && len(parts) == 2 {
		id, _ := parts[0].(string)
		attribute, _ := parts[1].(string)
		return id, attribute, id != ""
	}
	return "", "", false
}

// References returns the logical ids of the stack's own resources that a value points to, in the order they occur.
func (s *Stack) References(value any) []string {
	if id, _, ok := Reference(value); ok {
		if _, own := s.Resources[id]; own {
			return []string{id}
		}
		return nil
	}
	var found []string
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			found = append(found, s.References(item)...)
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			found = append(found, s.References(v[key])...)
		}
	}
	return found
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
