package assembly

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// userData is the script that an instance runs when it first starts. What CloudFormation alone knows of it is marked,
// for most of that, such as the name of a log group, is nothing to a local run.
type userData struct {
	text       string
	stack      string
	resource   string
	unresolved []error // what the marks in the text stand for
}

// userDataPath is where a launch template has it.
var userDataPath = []string{"LaunchTemplateData", "UserData", "Fn::Base64"}

func (s *Stack) userData(r Resource) (userData, error) {
	e := evaluator{stack: s, resource: r.LogicalID, marks: true}
	text, ok := e.value(propertyPath(userDataPath), r.property(userDataPath)).(string)
	u := userData{text: text, stack: s.ID, resource: r.LogicalID, unresolved: e.problems}
	if !ok {
		return u, u.problem("is missing or not a text in Base64")
	}
	return u, nil
}

func (u userData) problem(format string, args ...any) error {
	return fmt.Errorf("stack %s, resource %s, %s: %s", u.stack, u.resource, propertyPath(userDataPath), fmt.Sprintf(format, args...))
}

// unitSetting is a setting of the systemd unit that the script writes. It must stand there once, or not at all.
func (u userData) unitSetting(name, otherwise string) (string, error) {
	found := regexp.MustCompile(`(?m)^`+name+`=(.*)$`).FindAllStringSubmatch(u.text, -1)
	switch {
	case len(found) > 1:
		return "", u.problem("has %s %d times; a local run reads one unit", name, len(found))
	case len(found) == 1:
		return found[0][1], nil
	}
	return otherwise, nil
}

// variable matches a line of an environment file of systemd, in the one form that is read here: the value in double
// quotes.
var variable = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$`)

// environment is what the unit's environment file sets, which the script writes in a quoted here-document, so that the
// shell changes nothing of it.
func (u userData) environment() (map[string]string, error) {
	file, err := u.unitSetting("EnvironmentFile", "")
	if err != nil {
		return nil, err
	}
	begin := regexp.MustCompile(`(?m)^cat >` + regexp.QuoteMeta(file) + ` <<'(\w+)'\n`).FindStringSubmatchIndex(u.text)
	if file == "" || begin == nil {
		return nil, errors.Join(append(u.unresolved, u.problem("writes no environment file for a systemd unit"))...)
	}
	word := u.text[begin[2]:begin[3]]
	// The text begins with the line break before it, so that an empty document ends too.
	document, _, ended := strings.Cut(u.text[begin[1]-1:], "\n"+word+"\n")
	if !ended {
		return nil, u.problem("has no end %s of %s", word, file)
	}
	variables := map[string]string{}
	var problems []error
	for line := range strings.Lines(strings.TrimPrefix(document, "\n")) {
		match := variable.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if match == nil {
			problems = append(problems, u.problem("the line %q of %s is not NAME=\"VALUE\"", line, file))
			continue
		}
		problems = append(problems, u.marked(match[1], match[2])...)
		variables[match[1]] = unescape(match[2])
	}
	return variables, errors.Join(problems...)
}

// marked are the problems of what is marked in a value.
func (u userData) marked(name, value string) []error {
	var problems []error
	for _, found := range mark.FindAllStringSubmatch(value, -1) {
		i, _ := strconv.Atoi(found[1])
		var problem *UnresolvedError
		if i < len(u.unresolved) && errors.As(u.unresolved[i], &problem) {
			named := *problem
			named.Path += ", " + name
			problems = append(problems, &named)
		}
	}
	return problems
}

// unescape reads what stands between double quotes as systemd does: a backslash makes `"`, `\`, "`" and `$` themselves,
// and stands for itself before anything else (systemd.exec(5), EnvironmentFile=).
func unescape(text string) string {
	return escaped.ReplaceAllString(text, "$1")
}

var escaped = regexp.MustCompile("\\\\([\"\\\\`$])")
