package environment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// DeliveryStack is the name of the pipeline's stack, the first part of the names of what is in it.
const DeliveryStack = "delivery"

// Delivery is a delivery file: from where changes come, and in which order they reach environments without a person at a
// keyboard.
type Delivery struct {
	File         string // as it was opened
	Source       Source
	Environments []Delivered // in the order they are deployed; at least one, and the first is no production
}

// Source is the repository whose branch is delivered.
type Source struct {
	Connection string // ARN of the connection that AWS reads the repository through
	Repository string // owner/name
	Branch     string // default main
}

// Delivered is an environment on the way.
type Delivered struct {
	Environment Environment
	Approval    bool         // a person approves before it is deployed; required for production
	Conformance *Conformance // the suite runs against what was deployed before anything else goes on; nil: it does not
}

// Conformance says how the suite is known to a deployed endpoint.
type Conformance struct {
	KeySecret string // name of a secret that holds nothing but an API key; empty where requests are signed
}

// Account is where the pipeline itself runs: that of the first environment.
func (d Delivery) Account() string { return d.Environments[0].Environment.Account }

// Region is the pipeline's own: the first of the first environment.
func (d Delivery) Region() string { return d.Environments[0].Environment.Regions[0] }

// All are the environments, in their order.
func (d Delivery) All() []Environment {
	all := make([]Environment, len(d.Environments))
	for i, delivered := range d.Environments {
		all[i] = delivered.Environment
	}
	return all
}

var (
	connectionForm = regexp.MustCompile(`^arn:aws:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[a-z0-9-]{36}$`)
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$`)
	branchForm     = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,255}$`)
	keySecretForm  = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,256}$`)
)

// LoadDelivery reads and checks a delivery file and the environments of a folder that it names. Its error holds the
// problems of all these files.
func LoadDelivery(path, dir string, asOf time.Time) (Delivery, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Delivery{}, Problems{{File: path, Line: 1, Message: readFailure(err)}}
	}
	d := newDecoder(path)
	made := Delivery{File: filepath.ToSlash(path), Source: Source{Branch: "main"}}
	node, ok := d.parse(text)
	if ok {
		d.value(node, "", "").delivery(&made)
	}
	failures := made.load(d, dir, asOf)
	if failures == nil {
		made.check(d)
	}
	d.problems.sortByLine()
	if len(d.problems) > 0 {
		failures = append([]error{d.problems}, failures...)
	}
	return made, errors.Join(failures...)
}

func (v value) delivery(d *Delivery) {
	v.object(fields{
		"source": func(v value) {
			v.object(fields{
				"connection": func(v value) {
					v.match(&d.Source.Connection, connectionForm, "the ARN of a connection of AWS CodeConnections")
				},
				"repository": func(v value) { v.match(&d.Source.Repository, repositoryForm, `a repository such as "owner/name"`) },
				"branch":     func(v value) { v.match(&d.Source.Branch, branchForm, "the name of a branch") },
			}, "connection", "repository")
		},
		"environments": func(v value) {
			v.list(func(v value) {
				var one Delivered
				v.delivered(&one)
				d.Environments = append(d.Environments, one)
			})
		},
	}, "source", "environments")
}

func (v value) delivered(one *Delivered) {
	v.object(fields{
		"name":     func(v value) { v.match(&one.Environment.Name, nameForm, "the name of an environment") },
		"approval": func(v value) { v.boolean(&one.Approval) },
		"conformance": func(v value) {
			one.Conformance = &Conformance{}
			v.object(fields{
				"keySecret": func(v value) { v.match(&one.Conformance.KeySecret, keySecretForm, "the name of a secret") },
			})
		},
	}, "name")
}

// load reads the environments that the file names.
func (d *Delivery) load(in *decoder, dir string, asOf time.Time) (failures []error) {
	known, err := Names(dir)
	if err != nil {
		return []error{err}
	}
	var met []string
	for i := range d.Environments {
		name := d.Environments[i].Environment.Name
		path := fmt.Sprintf("environments[%d].name", i)
		switch {
		case name == "": // already a problem
		case slices.Contains(met, name):
			in.problem(path, "is %q once more; each environment is deployed once; remove one", name)
		case !slices.Contains(known, name):
			in.problem(path, "is %q, and there is no such environment in %s; there are %s%s", name, dir, strings.Join(known, ", "), didYouMean(name, known))
		default:
			met = append(met, name)
			if d.Environments[i].Environment, err = Load(filepath.Join(dir, name+extension), asOf); err != nil {
				failures = append(failures, err)
			}
		}
	}
	return failures
}

// check holds the environments against their place.
func (d *Delivery) check(in *decoder) {
	if len(in.problems) > 0 || len(d.Environments) == 0 {
		return // they are not what the file meant
	}
	if first := d.Environments[0].Environment; first.Production {
		in.problem("environments[0].name", "is %q, a production environment; the first one is where a change is tried; put another before it", first.Name)
	}
	for i, delivered := range d.Environments {
		path := fmt.Sprintf("environments[%d]", i)
		if delivered.Environment.Production && !delivered.Approval {
			in.problem(path+".approval", "is missing, and %q is a production environment; a person approves before that; add approval: true", delivered.Environment.Name)
		}
		if delivered.Conformance != nil {
			d.conformance(in, path+".conformance", delivered)
		}
	}
}

// conformance refuses what the suite could not call, and a key that it would not or could not show.
func (d *Delivery) conformance(in *decoder, path string, delivered Delivered) {
	e := delivered.Environment
	secret := delivered.Conformance.KeySecret
	var signed, keyed bool
	var unasked []string
	for _, p := range e.Endpoints() {
		if p.Unasked != "" {
			unasked = append(unasked, fmt.Sprintf("%s in %s: %s", p.Variant, p.Region, p.Unasked))
			continue
		}
		signed, keyed = signed || p.Signed, keyed || p.Keyed
	}
	switch {
	case len(unasked) == len(e.Endpoints()):
		in.problem(path, "can ask nothing of %q (%s); remove it", e.Name, strings.Join(unasked, "; "))
	case signed && e.Account != d.Account():
		in.problem(path, "signs requests in account %s, and the API of %q lets account %s alone in; remove it", d.Account(), e.Name, e.Account)
	case !keyed && secret != "":
		in.problem(path+".keySecret", "is of no use, since %q asks for no API key; remove it", e.Name)
	case keyed && secret == "":
		in.problem(path+".keySecret", "is missing, and %q asks for API keys; add the name of a secret in account %s that holds one", e.Name, d.Account())
	}
}
