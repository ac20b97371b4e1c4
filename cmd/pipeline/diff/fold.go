package diff

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// folding says why a change is not worth a line of its own.
type folding int

const (
	notFolded folding = iota
	foldedAsset
	foldedVersion
	foldedTags
	foldedAway // nothing differs but metadata, or the other half of a version says it
)

// versioned are the types whose logical ids carry a hash of what they publish: CDK makes a new one for each change.
var versioned = []string{"AWS::Lambda::Version", "AWS::ApiGateway::Deployment"}

var hashSuffix = regexp.MustCompile(`[0-9a-f]{32}$`)

// fold decides which changes are only a hash, a version or tags. A resource that bears data is never folded when it is
// replaced, whatever the reason.
func fold(s side, a answer, assets *strings.Replacer) map[string]folding {
	f := folder{side: s, names: assets, renamed: renamed(s)}
	result := map[string]folding{}
	for id, d := range a.Resources {
		result[id] = f.resource(id, d)
	}
	// What refers to a replaced resource differs in the answer though not in the template. It goes where that one goes.
	for again := true; again; {
		again = false
		for id, d := range a.Resources {
			if result[id] != notFolded || bears(s, id) || s.differs(id) || d.Impact == impactNone {
				continue
			}
			if why := f.because(id, a, result); why != notFolded {
				result[id], again = why, true
			}
		}
	}
	return result
}

// because returns the folding of the replaced resources that a resource refers to, if all are folded.
func (f folder) because(id string, a answer, folded map[string]folding) folding {
	why := notFolded
	for _, to := range f.after.References(f.after.Resources[id].Properties) {
		if d, differs := a.Resources[to]; differs && (d.Impact == impactReplace || d.Impact == impactMayReplace) {
			if folded[to] == notFolded {
				return notFolded
			}
			why = folded[to]
		}
	}
	return why
}

func bears(s side, id string) bool {
	_, before := lost[s.before.Resources[id].Type]
	_, after := lost[s.after.Resources[id].Type]
	return before || after
}

type folder struct {
	side
	names   *strings.Replacer // asset names become one word
	renamed map[string]string // versions, from the id before to the id after
}

// comparable writes a resource without metadata and with the hashes of assets made equal.
func (f folder) comparable(s *assembly.Stack, id string) string {
	object := map[string]any{}
	for key, value := range raw(s, id) {
		if key != "Metadata" {
			object[key] = value
		}
	}
	text, _ := json.Marshal(object) // it came from JSON
	return f.names.Replace(string(text))
}

// repointed writes a resource of before as if it referred to the versions of after.
func (f folder) repointed(id string) string {
	text := f.comparable(f.before, id)
	for from, to := range f.renamed {
		text = strings.ReplaceAll(text, `"`+from+`"`, `"`+to+`"`)
	}
	return text
}

func (f folder) resource(id string, d difference) folding {
	if _, old := f.renamed[id]; old {
		return foldedAway
	}
	for _, to := range f.renamed {
		if to == id {
			return foldedVersion
		}
	}
	before, after := raw(f.before, id), raw(f.after, id)
	nested := f.after.Resources[id].Type == assembly.NestedType
	switch {
	case before == nil || after == nil:
		return notFolded
	case len(d.Properties) == 0 && slices.Equal(d.Attributes, []string{"Metadata"}):
		return foldedAway
	case nested && len(d.Properties) == 1 && d.Properties["TemplateURL"] != "" && local(f.before, id) && local(f.after, id):
		return foldedAway // the nested stack is compared on its own
	case d.Impact == impactUpdate && tagsOnly(d):
		return foldedTags
	case nested, bears(f.side, id) && d.Impact != impactUpdate, len(d.Properties) == 0:
		return notFolded
	case !f.differs(id): // it is in the answer only because of what it refers to
		return notFolded
	case f.comparable(f.before, id) == f.comparable(f.after, id):
		return foldedAsset
	case f.repointed(id) == f.comparable(f.after, id):
		return foldedVersion
	}
	return notFolded
}

func tagsOnly(d difference) bool {
	for name := range d.Properties {
		if name != "Tags" && name != "TagSet" && name != "TagSpecifications" && name != "HostedZoneTags" && name != "FileSystemTags" {
			return false
		}
	}
	return len(d.Properties) > 0 && !slices.ContainsFunc(d.Attributes, func(name string) bool { return name != "Metadata" })
}

// local tells whether the template of a nested stack is in the assembly.
func local(s *assembly.Stack, id string) bool {
	_, ok := s.Resources[id].Metadata["aws:asset:path"].(string)
	return ok
}

// assetNames makes everything that either side publishes assets under one word, so that only hashes that are really
// those of assets are passed over.
func assetNames(s side) *strings.Replacer {
	names := slices.Concat(s.before.AssetNames, s.after.AssetNames)
	// The longest first: an object key begins with an id.
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, name := range names {
		if len(name) >= 32 { // a short name of one's own is no hash, and might be a word of the template
			pairs = append(pairs, name, "ASSET")
		}
	}
	return strings.NewReplacer(pairs...)
}

// renamed pairs each version that goes with the one that comes.
func renamed(s side) map[string]string {
	pairs := map[string]string{}
	for id, r := range s.before.Resources {
		if _, stays := s.after.Resources[id]; stays || !slices.Contains(versioned, r.Type) {
			continue
		}
		for other, next := range s.after.Resources {
			_, was := s.before.Resources[other]
			if !was && next.Type == r.Type && stem(id) == stem(other) {
				pairs[id] = other
			}
		}
	}
	return pairs
}

func stem(id string) string { return hashSuffix.ReplaceAllString(id, "") }
