package bedrocktest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
)

type call = catalog.Call

// ask is a request, freed of its body format.
type ask struct {
	call      call
	maxTokens int
	stops     []string
	tools     []tool
	choice    choice
	system    []block
	turns     []turn
}

// choice says how free the model is to use tools.
type choice struct {
	none  bool
	named string // this tool and no other; empty for any
}

type tool struct {
	name, description string
	schema            []byte
	cachePoint        bool // one follows
}

type turn struct {
	role   string
	blocks []block
}

type blockKind uint8

const (
	textBlock blockKind = iota + 1
	imageBlock
	useBlock
	resultBlock
	pointBlock // a cache point alone
	otherBlock // accepted and not looked into
)

// block is a piece of a turn or of the system text.
type block struct {
	kind       blockKind
	text       string // text, a tool result's text, or a tool use's input
	id         string // of a tool use or result
	name       string // of the tool
	format     string // of an image
	data       []byte // of an image
	cachePoint bool   // one follows
}

// question returns what the last user turn says: its text, its images as words, and its tool results.
func (a *ask) question() (text string, images []block, result string, hasResult bool) {
	var texts, results []string
	for _, t := range slices.Backward(a.turns) {
		if t.role != "user" {
			continue
		}
		for _, b := range t.blocks {
			switch b.kind {
			case textBlock:
				texts = append(texts, b.text)
			case imageBlock:
				images = append(images, b)
			case resultBlock:
				results = append(results, b.text)
			}
		}
		break
	}
	return strings.Join(texts, "\n"), images, strings.Join(results, "\n"), len(results) > 0
}

// usesTools tells whether an earlier turn speaks of tools.
func (a *ask) usesTools() bool {
	return slices.ContainsFunc(a.turns, func(t turn) bool {
		return slices.ContainsFunc(t.blocks, func(b block) bool { return b.kind == useBlock || b.kind == resultBlock })
	})
}

// ids returns the ids of a turn's blocks of one kind.
func (t turn) ids(kind blockKind) []string {
	var out []string
	for _, b := range t.blocks {
		if b.kind == kind {
			out = append(out, b.id)
		}
	}
	return out
}

// unpaired finds the first tool result without a tool use in the turn before, or tool use without a result in the turn
// after; the last turn's uses need none.
func (a *ask) unpaired() (at int, id string, kind blockKind, found bool) {
	for i, t := range a.turns {
		var before []string
		if i > 0 {
			before = a.turns[i-1].ids(useBlock)
		}
		results := t.ids(resultBlock)
		for _, id := range results {
			if !slices.Contains(before, id) {
				return i, id, resultBlock, true
			}
		}
		for _, id := range before {
			if !slices.Contains(results, id) {
				return i, id, useBlock, true
			}
		}
	}
	return 0, "", 0, false
}

// An image counts as this much text.
const imageBytes = 1500 * 4

// prompt is all input in the order in which models cache it: its size, and its hash at each cache point.
type prompt struct {
	hash   hash.Hash
	bytes  int
	points []point
}

type point struct {
	sum   string
	bytes int
}

func (a *ask) prompt() *prompt {
	p := &prompt{hash: sha256.New()}
	p.add(0, "", a.call.Model.ID) // caches are a model's own; the name is not input
	for _, t := range a.tools {
		p.add(len(t.name), "tool", t.name)
		p.add(len(t.description), "description", t.description)
		p.add(len(t.schema), "schema", string(t.schema))
		p.mark(t.cachePoint)
	}
	for _, b := range a.system {
		p.block("system", b)
	}
	for _, t := range a.turns {
		for _, b := range t.blocks {
			p.block(t.role, b)
		}
	}
	return p
}

func (p *prompt) block(role string, b block) {
	switch b.kind {
	case imageBlock:
		p.add(imageBytes, role+" image "+b.format, string(b.data))
	case pointBlock:
	default:
		p.add(len(b.name), role+" name", b.name)
		p.add(len(b.text), role, b.text)
	}
	p.mark(b.cachePoint || b.kind == pointBlock)
}

// add counts a piece, and hashes it with its length so that no two prompts look the same.
func (p *prompt) add(bytes int, label, text string) {
	p.bytes += bytes
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(text)))
	p.hash.Write([]byte(label))
	p.hash.Write(length[:])
	p.hash.Write([]byte(text))
}

func (p *prompt) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

func (p *prompt) mark(cachePoint bool) {
	if cachePoint {
		p.points = append(p.points, point{p.sum(), p.bytes})
	}
}
