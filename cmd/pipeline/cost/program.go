package cost

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// program is one deployed program of ours: a function, a service or a group.
type program struct {
	variant string
	// resource is the function, the service or the group.
	resource assembly.Resource
	aliases  []settings.Alias
	archive  bool
	feedback bool // answers are rated
}

// metrics is how many custom metrics the program has when every alias is used: each metric of a request, and
// of a rating, without the alias and with each, those of the program itself, and those of the archive.
func (p program) metrics() int {
	n := 0
	for _, dimensions := range metric.DimensionSets() {
		many := len(metric.OfRequests())
		if p.feedback {
			many += len(metric.OfFeedback())
		}
		for _, d := range dimensions {
			if d == metric.DimModel {
				many *= len(p.aliases)
			}
		}
		n += many
	}
	n += len(metric.OfPrograms()) * len(metric.ProgramDimensionSets())
	if p.archive {
		n += len(metric.OfArchive()) * len(metric.ProgramDimensionSets())
	}
	return n
}

// programsOf finds the programs of ours in a stack: what its metadata names a binary of ours for, and has settings. A
// custom resource's program has none.
func programsOf(s *assembly.Stack) ([]program, error) {
	var programs []program
	for _, kind := range []struct {
		variant, holder, runs string
		told                  func(assembly.Resource) map[string]string
	}{
		{settings.VariantServerless, "AWS::Lambda::Function", "AWS::Lambda::Function", toldFunction},
		{settings.VariantContainers, "AWS::ECS::TaskDefinition", "AWS::ECS::Service", toldTask},
		{settings.VariantInstances, "AWS::EC2::LaunchTemplate", "AWS::AutoScaling::AutoScalingGroup", toldInstance},
	} {
		for _, holder := range s.ByType(kind.holder) {
			told := kind.told(holder)
			text, ours := told[settings.EnvAliases]
			if _, named := holder.Metadata[settings.BinaryMetadata]; !named || !ours {
				continue
			}
			p := program{variant: kind.variant, resource: holder}
			if err := json.Unmarshal([]byte(text), &p.aliases); err != nil {
				return nil, fmt.Errorf("stack %s, resource %s: %s is not a list of aliases: %w", s.ID, holder.LogicalID, settings.EnvAliases, err)
			}
			_, p.archive = told[settings.EnvArchiveBucket]
			_, p.feedback = told[settings.EnvFeedbackSecret]
			for _, r := range s.ByType(kind.runs) {
				if kind.runs != kind.holder && refers(s, r.Properties, holder.LogicalID) {
					p.resource = r
				}
			}
			programs = append(programs, p)
		}
	}
	return programs, nil
}

// The values that a program is told, of what is literal; of what is not, only that it is told.

func toldFunction(r assembly.Resource) map[string]string {
	told := map[string]string{}
	for name, value := range object(property(r, "Environment", "Variables")) {
		told[name], _ = value.(string)
	}
	return told
}

func toldTask(r assembly.Resource) map[string]string {
	told := map[string]string{}
	containers, _ := property(r, "ContainerDefinitions").([]any)
	for _, container := range containers {
		variables, _ := object(container)["Environment"].([]any)
		for _, variable := range variables {
			name, _ := object(variable)["Name"].(string)
			told[name], _ = object(variable)["Value"].(string)
		}
	}
	return told
}

// toldInstance reads the lines NAME="value" of the script that an instance starts with.
func toldInstance(r assembly.Resource) map[string]string {
	told := map[string]string{}
	for line := range strings.Lines(literals(property(r, "LaunchTemplateData", "UserData"))) {
		name, quoted, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		told[name], _ = strconv.Unquote(quoted)
	}
	return told
}

// literals joins the texts in a value, in their order.
func literals(value any) string {
	var text strings.Builder
	switch v := value.(type) {
	case string:
		return v
	case []any:
		for _, item := range v {
			text.WriteString(literals(item))
		}
	case map[string]any:
		for _, key := range []string{"Fn::Base64", "Fn::Join", "Fn::Sub"} {
			text.WriteString(literals(v[key]))
		}
	}
	return text.String()
}
