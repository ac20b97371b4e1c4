package compute

import (
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/runtime/metric"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// The bounds AWS sets.
const (
	maxUserDataBytes = 16 << 10
	maxRefreshAlarms = 10
	leastHeartbeat   = 30 * time.Second
	maxHeartbeat     = 2 * time.Hour
	maxBakeTime      = 48 * time.Hour
)

// InstancesProps says what Instances run and with what.
type InstancesProps struct {
	Code      binary.Asset      // required; of ServerPackage
	Settings  settings.Settings // required; what the program is told. Its variant must be settings.VariantInstances
	Models    []access.Target   // required; must cover every target of Settings
	Placement Placement         // required

	// Types are Graviton instance types, the preferred first; default: large of c8g, c7g, m8g and m7g.
	Types   []string
	Disk    int // GB of the encrypted root volume, 8 to 1000; default 12
	Scaling Scaling
	Spot    Spot
	Update  Update
	// DrainHook is how long an instance that leaves is kept for its streams to end: whole seconds, Settings.DrainTimeout
	// to 2 h; default Settings.RequestTimeout and 30 s, so that none is cut.
	DrainHook    time.Duration
	StartTimeout time.Duration // how long the first instances may take to answer; whole seconds, 1 min to 1 h; default 10 min
	LogRetention int           // days, a number that CloudWatch Logs offers; default 30
	Retain       bool          // logs outlive the stack; default false
}

// Update says what watches over the replacement of instances.
type Update struct {
	// Alarms, at most 10, fail the update while instances are replaced or bake, and CloudFormation rolls it back; default
	// nil: those of NewAlarms.
	Alarms   []awscloudwatch.IAlarm
	BakeTime time.Duration // watched after the last replacement; whole seconds up to 48 h; default 5 min
	// Percent of the instances are replaced first, at least one, and watched for StepTime; default 0: all in a row.
	Percent  int
	StepTime time.Duration // with Percent; whole seconds up to 48 h; default 5 min
}

// Instances are the gateway on an Auto Scaling group of Graviton instances, behind a target group. It is an IGrantable:
// what is granted to it is granted to the instance role.
//
// The instances need a way to Bedrock, S3 (the program and Amazon Linux packages), CloudWatch Logs, CloudFormation (the
// signal that they work: without one the stack is not made), and for sessions ssm and ssmmessages. On spare capacity a
// stream may be cut: AWS gives two minutes' notice, and the group has a new instance started by then.
type Instances interface {
	Placed
	// Group is the Auto Scaling group.
	Group() awsautoscaling.AutoScalingGroup
	// Role is what the program and the instance run with: calling its models, reading its program and, where callers have
	// API keys, the secret with their hashes, writing to its log group, and Session Manager; nothing else.
	Role() awsiam.Role
}

type instances struct {
	constructs.Construct
	told  settings.Settings
	group awsautoscaling.AutoScalingGroup
	role  awsiam.Role
	logs  awslogs.LogGroup
	// template's security groups are those of the group.
	template awsec2.LaunchTemplate
}

// NewInstances makes Instances. CDK constructs do not return errors: with bad props it panics with one message that
// names everything that is wrong.
func NewInstances(scope constructs.Construct, id string, props InstancesProps) Instances {
	props = props.filled()
	models, err := access.New(account(scope), props.Models)
	digest := props.check(id, account(scope), err)
	i := &instances{told: props.Settings}
	constructs.NewConstruct_Override(i, scope, jsii.String(id))
	i.logs = newLogGroup(i, props.LogRetention, props.Retain)
	i.role = i.newRole()
	models.Grant(i.role)
	grantSecrets(i, i.role, props.Settings)
	// The file, not the folder: then what is downloaded is what the digest is of, and nothing reads it before.
	asset := awss3assets.NewAsset(i, jsii.String("Program"), &awss3assets.AssetProps{Path: jsii.String(executable(props.Code))})
	i.grantDownload(asset)
	data := awsec2.UserData_ForLinux(nil)
	i.template = i.newTemplate(props, data)
	i.group = i.newGroup(props)
	i.scale(props)
	// Last, for the signal names the group, which needs the template.
	data.AddCommands(jsii.String(i.boot(props, asset, digest).script()))
	return i
}

// Group is the Auto Scaling group.
func (i *instances) Group() awsautoscaling.AutoScalingGroup { return i.group }

// Role is what the instance and the program on it may do: they share it.
func (i *instances) Role() awsiam.Role { return i.role }

// LogGroup takes what the program prints on every instance.
func (i *instances) LogGroup() awslogs.LogGroup { return i.logs }

// GrantPrincipal makes the instances an IGrantable.
func (i *instances) GrantPrincipal() awsiam.IPrincipal { return i.role.GrantPrincipal() }

// Connections makes the instances an IConnectable.
func (i *instances) Connections() awsec2.Connections { return i.group.Connections() }

// Metric is a metric of the program over all instances and models. Options may be nil.
func (i *instances) Metric(m metric.Metric, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return gatewayMetric(i.told, m, options)
}

// DefaultTypes are the instance types of Instances that are told none, the preferred first.
func DefaultTypes() []string { return []string{"c8g.large", "c7g.large", "m8g.large", "m7g.large"} }

func (p InstancesProps) filled() InstancesProps {
	if len(p.Types) == 0 {
		p.Types = DefaultTypes()
	}
	if p.Disk == 0 {
		p.Disk = 12
	}
	if p.DrainHook == 0 {
		p.DrainHook = (max(p.Settings.RequestTimeout, p.Settings.DrainTimeout) + 30*time.Second).Round(time.Second)
	}
	if p.StartTimeout == 0 {
		p.StartTimeout = 10 * time.Minute
	}
	if p.Update.BakeTime == 0 {
		p.Update.BakeTime = 5 * time.Minute
	}
	if p.Update.StepTime == 0 {
		p.Update.StepTime = 5 * time.Minute
	}
	if p.LogRetention == 0 {
		p.LogRetention = 30
	}
	p.Scaling = p.Scaling.filled()
	return p
}

// graviton matches the names of instance types with AWS's own processors: a generation, then g.
var graviton = regexp.MustCompile(`^[a-z]+[0-9]+g[a-z]*\.[a-z0-9]+$`)

// check returns the digest of the program that it looked at.
func (p InstancesProps) check(id, account string, accessErr error) string {
	var problems check.Problems
	digest, err := digestOf(p.Code)
	problems.If(err != nil, "Code: %v; build it with constructs/binary", err)
	program{p.Settings, p.Models, settings.VariantInstances, p.LogRetention}.check(&problems, account, accessErr)
	p.Placement.check(&problems)
	// An instance is asked where the target group says; a task, where its container listens.
	listens, err := port(p.Settings)
	asked, known := p.Placement.targetPort()
	problems.If(err == nil && known && asked != listens, "Placement: TargetGroup sends to port %d; the program listens on %d", asked, listens)
	for _, name := range p.Types {
		problems.If(!graviton.MatchString(name), "Types: %q is not a Graviton type, such as c8g.large", name)
	}
	problems.If(p.Disk < 8 || p.Disk > 1000, "Disk: is %d GB; allowed is 8 to 1000", p.Disk)
	p.Scaling.check(&problems)
	p.Spot.check(&problems)
	p.Update.check(&problems)
	problems.If(!wholeSeconds(p.DrainHook, leastHeartbeat, maxHeartbeat), "DrainHook: is %s; allowed are whole seconds from %s to %s",
		p.DrainHook, leastHeartbeat, maxHeartbeat)
	problems.If(p.DrainHook < p.Settings.DrainTimeout, "DrainHook: is %s; it must be at least Settings.DrainTimeout, %s, "+
		"or running streams are cut", p.DrainHook, p.Settings.DrainTimeout)
	problems.If(!wholeSeconds(p.StartTimeout, time.Minute, time.Hour), "StartTimeout: is %s; allowed are whole seconds from 1m to 1h", p.StartTimeout)
	for name, text := range p.Settings.Encode() {
		problems.If(!oneLine(text), "Settings: %s holds a control character, which an environment file cannot", name)
	}
	// The names that CloudFormation fills in are not known yet; none is longer than this.
	size := len(boot{told: p.Settings, digest: digest}.script()) + 1024
	problems.If(size > maxUserDataBytes, "Settings: make user data of about %d bytes; EC2 allows %d", size, maxUserDataBytes)
	problems.Panic(fmt.Sprintf("compute.NewInstances(%q)", id))
	return digest
}

func (u Update) check(problems *check.Problems) {
	problems.If(len(u.Alarms) > maxRefreshAlarms, "Update: there are %d alarms; Auto Scaling allows %d", len(u.Alarms), maxRefreshAlarms)
	problems.If(!wholeSeconds(u.BakeTime, time.Second, maxBakeTime), "Update: bake time is %s; allowed are whole seconds up to %s",
		u.BakeTime, maxBakeTime)
	problems.If(u.Percent < 0 || u.Percent > 99, "Update: percent is %d; allowed is 0 for none, to 99", u.Percent)
	problems.If(!wholeSeconds(u.StepTime, time.Second, maxBakeTime), "Update: step time is %s; allowed are whole seconds up to %s",
		u.StepTime, maxBakeTime)
}
