package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// UnresolvedError is a value that only CloudFormation can know. A local run stops on it: a guess would start a program
// that differs from the deployed one.
type UnresolvedError struct {
	Stack     string // id of the stack
	Resource  string // logical id
	Path      string // of the property, such as "Properties.Environment.Variables.TABLE"
	Reference string // what could not be resolved, as the template writes it
}

// Error names the place and the reference.
func (e *UnresolvedError) Error() string {
	return fmt.Sprintf("stack %s, resource %s, %s: %s is only known to CloudFormation; a local run resolves literals, "+
		"AWS::Region, AWS::AccountId, AWS::Partition, AWS::URLSuffix, Fn::Sub and Fn::Join of those, secrets, buckets, "+
		"application inference profiles and outputs of stacks beside it",
		e.Stack, e.Resource, e.Path, e.Reference)
}

// Evaluate returns the property at the path (its keys, from the properties down, and for an item of a list its number)
// with everything resolved that a local run can resolve. It returns nil when there is no such property. The error joins
// an UnresolvedError for each value that cannot be resolved.
func (s *Stack) Evaluate(r Resource, path ...string) (any, error) {
	e := evaluator{stack: s, resource: r.LogicalID}
	result := e.value(propertyPath(path), r.property(path))
	return result, errors.Join(e.problems...)
}

// property is a property as the template writes it; nil when there is none.
func (r Resource) property(path []string) any {
	var value any = r.Properties
	for _, key := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// propertyPath is a path as messages write it.
func propertyPath(path []string) string {
	return strings.Join(append([]string{"Properties"}, path...), ".")
}

// String evaluates a property that is a text; numbers and booleans become their text, as in CloudFormation.
func (s *Stack) String(r Resource, path ...string) (string, error) {
	value, err := s.Evaluate(r, path...)
	if err != nil || value == nil {
		return "", err
	}
	text, ok := scalar(value)
	if !ok {
		return "", fmt.Errorf("stack %s, resource %s, %s: is %T, not a text", s.ID, r.LogicalID, propertyPath(path), value)
	}
	return text, nil
}

// Int evaluates a property that is a whole number; it is 0 when the property is absent.
func (s *Stack) Int(r Resource, path ...string) (int, error) {
	text, err := s.String(r, path...)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("stack %s, resource %s, %s: %q is not a whole number", s.ID, r.LogicalID, propertyPath(path), text)
	}
	return n, nil
}

// evaluator collects problems, so that one run names them all.
type evaluator struct {
	stack    *Stack
	resource string
	problems []error
	// marks puts the number of its problem in the place of what cannot be resolved, for a text of which a part is wanted.
	marks bool
}

func (e *evaluator) unresolved(path string, reference any) any {
	text, _ := json.Marshal(reference) // it came from JSON
	e.problems = append(e.problems, &UnresolvedError{e.stack.ID, e.resource, path, string(text)})
	if e.marks {
		return fmt.Sprintf("\x00%d\x00", len(e.problems)-1)
	}
	return nil
}

// mark matches what an evaluator with marks leaves of what it could not resolve. No template can hold a zero character.
var mark = regexp.MustCompile("\x00([0-9]+)\x00")

func (e *evaluator) value(path string, value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = e.value(fmt.Sprintf("%s[%d]", path, i), item)
		}
		return list
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok {
			return e.call(path, name, argument, v)
		}
		object := make(map[string]any, len(v))
		for _, key := range sortedKeys(v) {
			object[key] = e.value(path+"."+key, v[key])
		}
		return object
	default:
		return value
	}
}

// intrinsic recognises {"Ref": …}, {"Fn::…": …} and {"Condition": …}.
func intrinsic(object map[string]any) (name string, argument any, ok bool) {
	if len(object) != 1 {
		return "", nil, false
	}
	for key, value := range object {
		name, argument = key, value
	}
	return name, argument, name == "Ref" || strings.HasPrefix(name, "Fn::")
}

func (e *evaluator) call(path, name string, argument any, whole map[string]any) any {
	switch name {
	case "Ref":
		if text, ok := e.pseudo(argument); ok {
			return text
		}
		if text, ok := e.stack.standIn(argument); ok {
			return text
		}
	case "Fn::GetAtt":
		if id, attribute, ok := Reference(whole); ok {
			if text, ok := e.stack.profileAttribute(id, attribute); ok {
				return text
			}
		}
	case "Fn::GetStackOutput":
		if value, of, ok := e.stack.outputOf(argument); ok {
			there := evaluator{stack: of, resource: e.resource, problems: e.problems, marks: e.marks}
			result := there.value(path, value)
			e.problems = there.problems
			return result
		}
	case "Fn::Join":
		if text, ok := e.join(path, argument); ok {
			return text
		}
	case "Fn::Sub":
		if text, ok := e.sub(path, argument); ok {
			return text
		}
	}
	return e.unresolved(path, whole)
}

func (e *evaluator) pseudo(name any) (string, bool) {
	var text string
	switch name {
	case "AWS::Region":
		text = e.stack.Region
	case "AWS::AccountId":
		text = e.stack.Account
	case "AWS::Partition":
		text = Partition(e.stack.Region)
	case "AWS::URLSuffix":
		text = "amazonaws.com"
		if strings.HasPrefix(e.stack.Region, "cn-") {
			text = "amazonaws.com.cn"
		}
	}
	return text, text != ""
}

// standIn is what a local run puts in the place of a reference to a resource that it has a stand-in for: a name in the
// form that CloudFormation would give it, the same in every run.
func (s *Stack) standIn(logicalID any) (string, bool) {
	id, _ := logicalID.(string)
	switch s.Resources[id].Type {
	case "AWS::SecretsManager::Secret":
		return fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:%s-%s-EXAMPLE", Partition(s.Region), s.Region, s.Account, s.Name, id), true
	case "AWS::S3::Bucket":
		return strings.ToLower(s.Name + "-" + id + "-example"), true
	}
	return "", false
}

// outputOf is the value of another stack's output, and that stack.
func (s *Stack) outputOf(argument any) (value any, of *Stack, ok bool) {
	named, _ := argument.(map[string]any)
	for _, other := range s.siblings() {
		if other.Name != named["StackName"] || other.Region != named["Region"] {
			continue
		}
		outputs, _ := other.Template["Outputs"].(map[string]any)
		name, _ := named["OutputName"].(string)
		output, _ := outputs[name].(map[string]any)
		value, ok = output["Value"]
		return value, other, ok
	}
	return nil, nil, false
}

// Partition returns the partition that a Region belongs to.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// join reports false only when the arguments are malformed; an item that cannot be resolved is a problem of its own.
func (e *evaluator) join(path string, argument any) (string, bool) {
	arguments, ok := argument.([]any)
	if !ok || len(arguments) != 2 {
		return "", false
	}
	delimiter, isText := arguments[0].(string)
	items, isList := arguments[1].([]any)
	if !isText || !isList {
		return "", false
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i], _ = scalar(e.value(path, item))
	}
	return strings.Join(texts, delimiter), true
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (e *evaluator) sub(path string, argument any) (string, bool) {
	template, isText := argument.(string)
	variables := map[string]any{}
	if arguments, isList := argument.([]any); isList && len(arguments) == 2 {
		template, isText = arguments[0].(string)
		variables, _ = arguments[1].(map[string]any)
	}
	if !isText {
		return "", false
	}
	return placeholder.ReplaceAllStringFunc(template, func(match string) string {
		name := match[2 : len(match)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		if variable, ok := variables[name]; ok {
			text, _ := scalar(e.value(path, variable))
			return text
		}
		text, ok := e.pseudo(name)
		if !ok {
			text, ok = e.stack.standIn(name)
		}
		if !ok {
			text, _ = e.unresolved(path, match).(string)
		}
		return text
	}), true
}

func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	default:
		return "", false
	}
}
