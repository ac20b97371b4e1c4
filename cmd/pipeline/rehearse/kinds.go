package rehearse

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// proves is what a rehearsal says of itself.
const proves = "That proves our path through the CDK command line: bootstrap, assets, change sets, references between stacks, their order,\n" +
	"protection and an end that leaves nothing. It does not prove that AWS accepts the templates, or that anything runs."

// kinds are the types of resources in the stacks, by what the emulator made of them.
type kinds struct {
	emulated []string // created, as far as the emulator goes
	stubbed  []string // an id, and nothing behind it; a type with a word after it is partly so
}

// kinds compares the stacks with what the emulator wrote down.
func (r *rehearsal) kinds() (kinds, error) {
	text, err := os.ReadFile(r.emulator.stubs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it made none
		return kinds{}, err
	}
	stubs := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
	slices.Sort(stubs)
	stubs = slices.Compact(stubs)
	ours := map[string]bool{}
	for _, s := range r.as.Stacks {
		for _, k := range s.Kinds() {
			ours[k.Type] = true
		}
	}
	var k kinds
	for _, kind := range slices.Sorted(maps.Keys(ours)) {
		if !slices.Contains(stubs, kind) {
			k.emulated = append(k.emulated, kind)
		}
	}
	for _, stub := range stubs {
		if kind, _, _ := strings.Cut(stub, " "); ours[kind] { // not of the bootstrap
			k.stubbed = append(k.stubbed, stub)
		}
	}
	return k, nil
}

// report prints the types, and holds the document against them or writes it.
func (r *rehearsal) report() error {
	k, err := r.kinds()
	if err != nil {
		return err
	}
	r.print("\nThe emulator created resources of %d types as it knows them:\n  %s\n", len(k.emulated), strings.Join(k.emulated, "\n  "))
	r.print("It stubbed %d, with nothing behind them:\n  %s\n", len(k.stubbed), strings.Join(k.stubbed, "\n  "))
	if r.Document == "" {
		return nil
	}
	text, err := os.ReadFile(r.Document)
	if err != nil {
		return err
	}
	begin, end := "<!-- begin "+r.Environment+" -->\n", "<!-- end "+r.Environment+" -->"
	before, rest, opened := strings.Cut(string(text), begin)
	shown, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		r.print("%s shows nothing of %s.\n", r.Document, r.Environment)
		return nil
	}
	want := k.markdown()
	switch {
	case shown == want:
		return nil
	case r.Write:
		return os.WriteFile(r.Document, []byte(before+begin+want+end+after), 0o644)
	}
	return fmt.Errorf("%s does not show what the emulator makes of %s; pipeline rehearse -environment %s -write writes it. It should be:\n%s",
		r.Document, r.Environment, r.Environment, want)
}

// markdown is the block of the document.
func (k kinds) markdown() string {
	return fmt.Sprintf("\n- stubbed: %s\n- emulated: %s\n\n", quoted(k.stubbed), quoted(k.emulated))
}

func quoted(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	var short []string
	for _, kind := range all {
		short = append(short, "`"+strings.TrimPrefix(kind, "AWS::")+"`")
	}
	return strings.Join(short, ", ")
}
