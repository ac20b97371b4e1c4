package cost

import (
	"math"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// The two architectures, as the keys of prices name them.
const (
	arm = "arm64"
	x86 = "x86"
)

// fleet is what tasks and instances have in common.
type fleet struct {
	min          int
	onDemandBase int     // on demand in any case
	onDemand     float64 // percent on demand of what is above the base
	perMinute    float64 // requests a minute that scaling aims at for each; 0 when it does not look at requests
}

// split divides so many into those on demand and those on spare capacity.
func (f fleet) split(many int) (onDemand, spot int) {
	base := min(many, f.onDemandBase)
	onDemand = base + int(math.Ceil(float64(many-base)*f.onDemand/100-1e-9))
	return onDemand, many - onDemand
}

// under is how many there are at so many requests a second. CPU scales too, but nothing here knows what a request takes.
func (f fleet) under(requestsPerSecond float64) int {
	if f.perMinute <= 0 {
		return f.min
	}
	return max(f.min, int(math.Ceil(requestsPerSecond*60/f.perMinute-1e-9)))
}

// tasks is the shape of a service on Fargate.
type tasks struct {
	fleet
	cpu  float64 // virtual CPUs of a task
	gb   float64 // memory of a task
	arch string
}

// tasksOf reads a service's shape; why is not empty when the template does not tell it.
func tasksOf(s *assembly.Stack, service assembly.Resource) (t tasks, why string) {
	id, _, _ := assembly.Reference(service.Properties["TaskDefinition"])
	definition, ok := s.Resources[id]
	cpu, cpuErr := s.Int(definition, "Cpu")
	memory, memoryErr := s.Int(definition, "Memory")
	if !ok || cpuErr != nil || memoryErr != nil || cpu == 0 || memory == 0 {
		return t, "the template does not tell their size"
	}
	t.cpu, t.gb, t.arch = float64(cpu)/1024, float64(memory)/1024, x86
	if architecture, _ := s.String(definition, "RuntimePlatform", "CpuArchitecture"); architecture == "ARM64" {
		t.arch = arm
	}
	t.onDemand = 100
	if !t.providers(service) && property(service, "LaunchType") != "FARGATE" {
		return t, "they are not on Fargate"
	}
	t.min = 1
	if n, err := s.Int(service, "DesiredCount"); err == nil && n > 0 {
		t.min = n
	}
	for _, target := range s.ByType("AWS::ApplicationAutoScaling::ScalableTarget") {
		if !refers(s, target.Properties["ResourceId"], service.LogicalID) {
			continue
		}
		n, err := s.Int(target, "MinCapacity")
		if err != nil {
			return t, "the template does not tell how many there are at least"
		}
		t.min = n
		for _, policy := range s.ByType("AWS::ApplicationAutoScaling::ScalingPolicy") {
			if refers(s, policy.Properties["ScalingTargetId"], target.LogicalID) {
				t.aim(property(policy, "TargetTrackingScalingPolicyConfiguration"))
			}
		}
	}
	return t, ""
}

// providers reads a service's capacity providers; false when it has none of Fargate's.
func (t *tasks) providers(service assembly.Resource) bool {
	strategy, _ := property(service, "CapacityProviderStrategy").([]any)
	var regular, spare float64
	for _, item := range strategy {
		o := object(item)
		weight, base := numberOf(o["Weight"]), numberOf(o["Base"])
		switch o["CapacityProvider"] {
		case "FARGATE":
			regular, t.onDemandBase = weight, int(base)
		case "FARGATE_SPOT":
			spare = weight
		default:
			return false
		}
	}
	if regular+spare > 0 {
		t.onDemand = 100 * regular / (regular + spare)
	}
	return len(strategy) > 0
}

// aim reads a policy that follows the requests of each target.
func (f *fleet) aim(configuration any) {
	o := object(configuration)
	if object(o["PredefinedMetricSpecification"])["PredefinedMetricType"] == "ALBRequestCountPerTarget" {
		f.perMinute = numberOf(o["TargetValue"])
	}
}

// instances is the shape of an Auto Scaling group.
type instances struct {
	fleet
	kind         string  // the preferred instance type
	gp3          float64 // GB of such volumes each has
	otherVolumes bool
	detailed     bool // detailed monitoring
}

// instancesOf reads a group's shape; why is not empty when the template does not tell it.
func instancesOf(s *assembly.Stack, group assembly.Resource) (g instances, why string) {
	n, err := s.Int(group, "MinSize")
	if err != nil {
		return g, "the template does not tell how many there are at least"
	}
	g.min, g.onDemand = n, 100
	specification := object(property(group, "LaunchTemplate"))
	if mixed := object(property(group, "MixedInstancesPolicy")); mixed != nil {
		template := object(mixed["LaunchTemplate"])
		specification = object(template["LaunchTemplateSpecification"])
		if overrides, _ := template["Overrides"].([]any); len(overrides) > 0 {
			g.kind, _ = object(overrides[0])["InstanceType"].(string)
		}
		distribution := object(mixed["InstancesDistribution"])
		g.onDemandBase = int(numberOf(distribution["OnDemandBaseCapacity"]))
		if percent, given := distribution["OnDemandPercentageAboveBaseCapacity"]; given {
			g.onDemand = numberOf(percent)
		}
	}
	id, _, _ := assembly.Reference(specification["LaunchTemplateId"])
	template := s.Resources[id]
	if g.kind == "" {
		g.kind, _ = s.String(template, "LaunchTemplateData", "InstanceType")
	}
	if g.kind == "" {
		return g, "the template does not tell their type"
	}
	g.volumes(template)
	for _, policy := range s.ByType("AWS::AutoScaling::ScalingPolicy") {
		if refers(s, policy.Properties["AutoScalingGroupName"], group.LogicalID) {
			g.aim(property(policy, "TargetTrackingConfiguration"))
		}
	}
	return g, ""
}

func (g *instances) volumes(template assembly.Resource) {
	mappings, _ := property(template, "LaunchTemplateData", "BlockDeviceMappings").([]any)
	for _, m := range mappings {
		volume := object(object(m)["Ebs"])
		if volume["VolumeType"] == "gp3" {
			g.gp3 += numberOf(volume["VolumeSize"])
		} else {
			g.otherVolumes = true
		}
	}
	g.detailed = property(template, "LaunchTemplateData", "Monitoring", "Enabled") == true
}

// refers tells whether a value points to the resource.
func refers(s *assembly.Stack, value any, logicalID string) bool {
	for _, id := range s.References(value) {
		if id == logicalID {
			return true
		}
	}
	return false
}

// numberOf reads a number that a template writes as one, or as text; 0 when it is neither.
func numberOf(value any) float64 {
	switch v := value.(type) {
	case float64:
		return v
	case string:
		n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err == nil {
			return n
		}
	}
	return 0
}
