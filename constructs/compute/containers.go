package compute

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// User is the user and group that the program runs as in a container: one that no image names, and not root.
const User = "65532"

// maxStopTimeout is how long Fargate lets a task run on after SIGTERM, at most.
const maxStopTimeout = 120 * time.Second

// ContainersProps says what Containers run and with what.
type ContainersProps struct {
	Image     awsecs.ContainerImage // required; for linux/arm64, such as one of constructs/image
	Settings  settings.Settings     // required; what the program is told. Its variant must be settings.VariantContainers
	Models    []access.Target       // required; must cover every target of Settings
	Placement Placement             // required

	Package string          // the Go package that Image runs; default ServerPackage
	Cluster awsecs.ICluster // with the Fargate capacity providers; default: one of its own, with enhanced Container Insights
	CPU     int             // CPU units, 1024 a vCPU; default 512
	Memory  int             // MB, a size that Fargate offers for CPU; default 1024
	Scaling Scaling
	Spot    Spot
	// StopTimeout is how long a task may run on after SIGTERM: whole seconds, Settings.DrainTimeout, with an
	// archive settings.ArchiveCloseTimeout more, to 120 s; default 120 s.
	StopTimeout  time.Duration
	Alarms       []awscloudwatch.IAlarm // that roll a deployment back; default nil: those of NewAlarms
	BlueGreen    *BlueGreen             // default nil: tasks are replaced one after another, and a circuit breaker watches
	LogRetention int                    // days, a number that CloudWatch Logs offers; default 30
	LogBuffer    int                    // MB of log held while CloudWatch Logs is slow; beyond it lines are dropped; default 16
	Retain       bool                   // logs outlive the stack; default false
}

// Containers are the gateway as a service of Fargate tasks on Graviton, behind a target group. It is an IGrantable: what
// is granted to it is granted to the task role.
type Containers interface {
	Placed
	// Service is the ECS service.
	Service() awsecs.FargateService
	// Role is the task role, which the program runs with: calling its models and, where callers have API keys, reading the
	// secret with their hashes; nothing else.
	Role() awsiam.Role
	// ExecutionRole is what ECS starts a task with: pulling the image and writing to the log group, nothing else.
	ExecutionRole() awsiam.Role
}

type containers struct {
	constructs.Construct
	told      settings.Settings
	service   awsecs.FargateService
	role      awsiam.Role
	execution awsiam.Role
	logs      awslogs.LogGroup
}

// NewContainers makes Containers. CDK constructs do not return errors: with bad props it panics with one message that
// names everything that is wrong.
func NewContainers(scope constructs.Construct, id string, props ContainersProps) Containers {
	props = props.filled()
	models, err := access.New(account(scope), props.Models)
	props.check(id, account(scope), err)
	c := &containers{told: props.Settings}
	constructs.NewConstruct_Override(c, scope, jsii.String(id))
	c.logs = newLogGroup(c, props.LogRetention, props.Retain)
	c.role = awsiam.NewRole(c, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   tasksOf(c),
		Description: jsii.String("What the inference gateway's tasks may do"),
	})
	models.Grant(c.role)
	grantSecrets(c, c.role, props.Settings)
	c.execution = awsiam.NewRole(c, jsii.String("ExecutionRole"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
		Description: jsii.String("What ECS may do to start the inference gateway's tasks"),
	})
	c.service = c.newService(props, c.newTask(props))
	c.scale(props)
	acknowledgeAll(c.execution, "ecr:GetAuthorizationToken knows no resource")
	return c
}

// tasksOf is ECS as the one who assumes a task role, on behalf of this account alone.
func tasksOf(scope constructs.Construct) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), &awsiam.ServicePrincipalOpts{
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": account(scope)},
			"ArnLike":      map[string]any{"aws:SourceArn": "arn:aws:ecs:" + region(scope) + ":" + account(scope) + ":*"},
		},
	})
}

// Service is the ECS service on Fargate.
func (c *containers) Service() awsecs.FargateService { return c.service }

// Role is the task role: what the program may do.
func (c *containers) Role() awsiam.Role { return c.role }

// ExecutionRole is what ECS may do to start a task.
func (c *containers) ExecutionRole() awsiam.Role { return c.execution }

// LogGroup takes what every task prints.
func (c *containers) LogGroup() awslogs.LogGroup { return c.logs }

// GrantPrincipal makes the containers an IGrantable.
func (c *containers) GrantPrincipal() awsiam.IPrincipal { return c.role.GrantPrincipal() }

// Connections makes the containers an IConnectable.
func (c *containers) Connections() awsec2.Connections { return c.service.Connections() }

// Metric is a metric of the program over all tasks and models. Options may be nil.
func (c *containers) Metric(m metric.Metric, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return gatewayMetric(c.told, m, options)
}

func (p ContainersProps) filled() ContainersProps {
	if p.Package == "" {
		p.Package = ServerPackage
	}
	if p.CPU == 0 {
		p.CPU = 512
	}
	if p.Memory == 0 {
		p.Memory = 1024
	}
	if p.StopTimeout == 0 {
		p.StopTimeout = maxStopTimeout
	}
	if p.LogRetention == 0 {
		p.LogRetention = 30
	}
	if p.LogBuffer == 0 {
		p.LogBuffer = 16
	}
	p.Scaling = p.Scaling.filled()
	if p.BlueGreen != nil {
		filled := p.BlueGreen.filled()
		p.BlueGreen = &filled
	}
	return p
}

func (p ContainersProps) check(id, account string, accessErr error) {
	var problems check.Problems
	problems.If(p.Image == nil, "Image: is nil; make one with constructs/image")
	program{p.Settings, p.Models, settings.VariantContainers, p.LogRetention}.check(&problems, account, accessErr)
	p.Placement.check(&problems)
	sizes, ok := fargateSizes(p.CPU)
	problems.If(!ok, "CPU: is %d units; Fargate offers 256, 512, 1024, 2048, 4096, 8192 and 16384", p.CPU)
	problems.If(ok && !slices.Contains(sizes, p.Memory), "Memory: is %d MB; with %d CPU units Fargate offers %v", p.Memory, p.CPU, sizes)
	p.Scaling.check(&problems)
	p.Spot.check(&problems)
	if p.BlueGreen != nil {
		p.BlueGreen.check(&problems)
	}
	problems.If(!wholeSeconds(p.StopTimeout, time.Second, maxStopTimeout), "StopTimeout: is %s; Fargate allows whole seconds up to %s",
		p.StopTimeout, maxStopTimeout)
	problems.If(p.StopTimeout < p.Settings.DrainTimeout, "StopTimeout: is %s; it must be at least Settings.DrainTimeout, %s, "+
		"or running streams are cut", p.StopTimeout, p.Settings.DrainTimeout)
	problems.If(p.Settings.Archive.Bucket != "" && p.StopTimeout < p.Settings.DrainTimeout+settings.ArchiveCloseTimeout, "StopTimeout: is %s; "+
		"with an archive it must be at least %s more than Settings.DrainTimeout, %s, or usage records are lost", p.StopTimeout,
		settings.ArchiveCloseTimeout, p.Settings.DrainTimeout)
	problems.If(p.LogBuffer < 1 || p.LogBuffer > p.Memory/4, "LogBuffer: is %d MB; allowed is 1 to a quarter of Memory, %d", p.LogBuffer, p.Memory/4)
	problems.Panic(fmt.Sprintf("compute.NewContainers(%q)", id))
}

// fargateSizes are the MB of memory that Fargate offers with a number of CPU units; false for a number it does not offer.
func fargateSizes(cpu int) ([]int, bool) {
	const gb = 1024
	offered := map[int]struct{ least, most, step int }{
		512: {1 * gb, 4 * gb, gb}, 1024: {2 * gb, 8 * gb, gb}, 2048: {4 * gb, 16 * gb, gb}, 4096: {8 * gb, 30 * gb, gb},
		8192: {16 * gb, 60 * gb, 4 * gb}, 16384: {32 * gb, 120 * gb, 8 * gb},
	}
	if cpu == 256 {
		return []int{gb / 2, gb, 2 * gb}, true
	}
	o, ok := offered[cpu]
	var sizes []int
	for size := o.least; ok && size <= o.most; size += o.step {
		sizes = append(sizes, size)
	}
	return sizes, ok
}
