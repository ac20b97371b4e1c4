// Package assembly reads a synthesized cloud assembly: its stacks, their templates and their assets, as plain JSON.
// Whatever the operator's command wants to know about a deployment, it reads from here, so that it judges what will be
// deployed and not what some source code meant to deploy.
//
// It must not know CDK or jsii (a cloud assembly is a documented file format), nor what is done with a template.
package assembly

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Assembly is a cloud assembly with the assemblies of its stages.
type Assembly struct {
	Dir    string
	Stacks []*Stack // by id
}

// Stack is one stack of an assembly.
type Stack struct {
	ID      string // the path that the CDK command line takes, such as "dev-us-east-1/serverless"
	Name    string // as CloudFormation will know it
	Account string // empty when the stack is not bound to one
	Region  string // empty when the stack is not bound to one
	Dir     string // of the assembly that holds the template and the assets
	Parent  string // id of the stack that this one is nested in, or empty
	// Tags that CloudFormation puts on the stack and its resources.
	Tags map[string]string
	// TerminationProtection tells whether CloudFormation refuses to delete the stack.
	TerminationProtection bool
	// Template is the whole template as JSON.
	Template map[string]any
	// Resources by logical id.
	Resources map[string]Resource
	// AssetNames are the names under which files and images are published: ids, object keys and image tags.
	AssetNames []string
	// assets holds the path of each file asset by the object key it is published under.
	assets map[string]string
	// all are the stacks of the whole assembly, this one among them.
	all *[]*Stack
}

// siblings are the stacks of the whole assembly; none when it was not read as one.
func (s *Stack) siblings() []*Stack {
	if s.all == nil {
		return nil
	}
	return *s.all
}

// manifest is the part of manifest.json that is read here.
type manifest struct {
	Artifacts map[string]artifact `json:"artifacts"`
}

type artifact struct {
	Type         string   `json:"type"`
	Environment  string   `json:"environment"`
	DisplayName  string   `json:"displayName"`
	Dependencies []string `json:"dependencies"`
	Properties   struct {
		TemplateFile          string            `json:"templateFile"`
		StackName             string            `json:"stackName"`
		Tags                  map[string]string `json:"tags"`
		TerminationProtection bool              `json:"terminationProtection"`
		DirectoryName         string            `json:"directoryName"`
		File                  string            `json:"file"`
	} `json:"properties"`
}

// Read reads the assembly in the folder dir.
func Read(dir string) (*Assembly, error) {
	stacks, err := readStacks(dir)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(stacks, func(a, b *Stack) int { return cmp.Compare(a.ID, b.ID) })
	for _, s := range stacks {
		s.all = &stacks
	}
	return &Assembly{Dir: dir, Stacks: stacks}, nil
}

// Stack returns the stack with the id or the name.
func (a *Assembly) Stack(name string) (*Stack, error) {
	ids := make([]string, 0, len(a.Stacks))
	for _, s := range a.Stacks {
		if s.ID == name || s.Name == name {
			return s, nil
		}
		ids = append(ids, s.ID)
	}
	return nil, fmt.Errorf("%s has no stack %q; it has %s", a.Dir, name, strings.Join(ids, ", "))
}

func readStacks(dir string) ([]*Stack, error) {
	var m manifest
	if err := readJSON(filepath.Join(dir, "manifest.json"), &m); err != nil {
		return nil, fmt.Errorf("%s is not a cloud assembly, as cdk synth writes one (make synth writes cdk.out): %w", dir, err)
	}
	var stacks []*Stack
	for id, a := range m.Artifacts {
		switch a.Type {
		case "cdk:cloud-assembly":
			nested, err := readStacks(filepath.Join(dir, a.Properties.DirectoryName))
			if err != nil {
				return nil, err
			}
			stacks = append(stacks, nested...)
		case "aws:cloudformation:stack":
			stack, err := readStack(dir, id, a, m)
			if err != nil {
				return nil, err
			}
			stacks = append(stacks, stack)
		}
	}
	return stacks, nil
}

func readStack(dir, id string, a artifact, m manifest) (*Stack, error) {
	account, region := splitEnvironment(a.Environment)
	s := &Stack{
		// The display name of a stack in a stage is its path, with the name in brackets when that differs.
		ID:                    strings.SplitN(cmp.Or(a.DisplayName, id), " ", 2)[0],
		Name:                  cmp.Or(a.Properties.StackName, id),
		Account:               account,
		Region:                region,
		Dir:                   dir,
		Tags:                  a.Properties.Tags,
		TerminationProtection: a.Properties.TerminationProtection,
		assets:                map[string]string{},
	}
	if err := s.readTemplate(a.Properties.TemplateFile); err != nil {
		return nil, fmt.Errorf("stack %s: %w", s.ID, err)
	}
	for _, d := range a.Dependencies {
		if dependency := m.Artifacts[d]; dependency.Type == "cdk:asset-manifest" {
			if err := s.readAssets(filepath.Join(dir, dependency.Properties.File)); err != nil {
				return nil, fmt.Errorf("stack %s: %w", s.ID, err)
			}
		}
	}
	return s, nil
}

func (s *Stack) readTemplate(file string) error {
	path := filepath.Join(s.Dir, file)
	var t struct {
		Resources map[string]Resource `json:"Resources"`
	}
	if err := readJSON(path, &t); err != nil {
		return err
	}
	if err := readJSON(path, &s.Template); err != nil {
		return err
	}
	s.Resources = t.Resources
	for logicalID, r := range s.Resources {
		r.LogicalID = logicalID
		s.Resources[logicalID] = r
	}
	return nil
}

// NestedType is the type of a resource that is a stack of its own.
const NestedType = "AWS::CloudFormation::Stack"

// Nested returns the stacks nested in the stack, at any depth, whose templates are in the assembly; the id of each is
// its parent's with its logical id. A nested stack from elsewhere is left out.
func (s *Stack) Nested() ([]*Stack, error) {
	var found []*Stack
	for _, r := range s.ByType(NestedType) {
		file, ok := r.Metadata["aws:asset:path"].(string)
		if !ok {
			continue
		}
		nested := &Stack{
			ID: s.ID + "/" + r.LogicalID, Name: s.Name + "/" + r.LogicalID, Account: s.Account, Region: s.Region, Dir: s.Dir, Parent: s.ID,
			AssetNames: s.AssetNames, assets: s.assets, all: s.all,
		}
		if err := nested.readTemplate(file); err != nil {
			return nil, fmt.Errorf("stack %s: %w", nested.ID, err)
		}
		deeper, err := nested.Nested()
		if err != nil {
			return nil, err
		}
		found = append(append(found, nested), deeper...)
	}
	return found, nil
}

func (s *Stack) readAssets(path string) error {
	var m struct {
		DockerImages map[string]struct {
			Destinations map[string]struct {
				ImageTag string `json:"imageTag"`
			} `json:"destinations"`
		} `json:"dockerImages"`
		Files map[string]struct {
			Source struct {
				Path string `json:"path"`
			} `json:"source"`
			Destinations map[string]struct {
				ObjectKey string `json:"objectKey"`
			} `json:"destinations"`
		} `json:"files"`
	}
	if err := readJSON(path, &m); err != nil {
		return err
	}
	for id, image := range m.DockerImages {
		s.AssetNames = append(s.AssetNames, id)
		for _, destination := range image.Destinations {
			s.AssetNames = append(s.AssetNames, destination.ImageTag)
		}
	}
	for id, file := range m.Files {
		s.AssetNames = append(s.AssetNames, id)
		for _, destination := range file.Destinations {
			s.AssetNames = append(s.AssetNames, destination.ObjectKey)
			s.assets[destination.ObjectKey] = filepath.Join(s.Dir, file.Source.Path)
		}
	}
	return nil
}

// Asset returns the path in the assembly of the file asset that is published under the object key.
func (s *Stack) Asset(objectKey string) (string, bool) {
	path, ok := s.assets[objectKey]
	return path, ok
}

// splitEnvironment reads "aws://ACCOUNT/REGION"; an unknown part is empty.
func splitEnvironment(text string) (account, region string) {
	account, region, _ = strings.Cut(strings.TrimPrefix(text, "aws://"), "/")
	if account == "unknown-account" {
		account = ""
	}
	if region == "unknown-region" {
		region = ""
	}
	return account, region
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
