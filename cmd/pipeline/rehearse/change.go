package rehearse

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// repository is the name that the rehearsal gives to the repository of an image.
const repository = "rehearsal"

// mostCalls is the most that gateway.maxCalls may be.
const mostCalls = 10

// change is what is rehearsed: the environment, and the same with one setting changed.
type change struct {
	e           environment.Environment
	as, changed string // folders with the environment's file
	what        string // the changed setting, as a person writes it
	image       string // the digest that containers were given; empty where the environment says what they run
}

// change copies the environment's folder twice, for its file may name others beside it.
func (r *rehearsal) change() (change, error) {
	read, err := environment.LoadNamed(r.Folder, []string{r.Environment}, time.Now())
	if err != nil {
		return change{}, err
	}
	c := change{e: read[0], as: filepath.Join(r.Work, "as-it-is"), changed: filepath.Join(r.Work, "changed")}
	var image map[string]string
	if c.e.Containers != nil && c.e.Containers.Image == nil && r.Image != nil {
		if c.image, err = r.Image(); err != nil {
			return change{}, err
		}
		image = map[string]string{"repository": repository, "digest": c.image}
	}
	calls := c.e.Gateway.MaxCalls + 1
	if calls > mostCalls {
		calls = mostCalls - 1
	}
	c.what = fmt.Sprintf("gateway.maxCalls %d instead of %d", calls, c.e.Gateway.MaxCalls)
	for folder, calls := range map[string]int{c.as: c.e.Gateway.MaxCalls, c.changed: calls} {
		if err := os.CopyFS(folder, os.DirFS(r.Folder)); err != nil {
			return change{}, err
		}
		set := map[string]any{"gateway": map[string]any{"maxCalls": calls}}
		if image != nil {
			set["containers"] = map[string]any{"image": image}
		}
		if err := edit(filepath.Join(folder, r.Environment+".yaml"), set); err != nil {
			return change{}, err
		}
	}
	return c, nil
}

// edit sets values in a YAML file, and leaves everything else in it.
func edit(path string, set map[string]any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	if err := merge(document.Content[0], set); err != nil { // it was read as an environment before
		return err
	}
	if text, err = yaml.Marshal(&document); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func merge(into *yaml.Node, set map[string]any) error {
	for key, value := range set {
		found := member(into, key)
		inner, nested := value.(map[string]any)
		if found != nil && nested {
			if err := merge(found, inner); err != nil {
				return err
			}
			continue
		}
		var made yaml.Node
		if err := made.Encode(value); err != nil {
			return err
		}
		if found != nil {
			*found = made
			continue
		}
		into.Content = append(into.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &made)
	}
	return nil
}

// member is the value of a key; nil when it is not there.
func member(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}
