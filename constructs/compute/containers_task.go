package compute

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

const containerName = "gateway"

// The capacity providers of Fargate.
const (
	onDemand = "FARGATE"
	spare    = "FARGATE_SPOT"
)

func (c *containers) newTask(props ContainersProps) awsecs.FargateTaskDefinition {
	task := awsecs.NewFargateTaskDefinition(c, jsii.String("Task"), &awsecs.FargateTaskDefinitionProps{
		Cpu:            jsii.Number(props.CPU),
		MemoryLimitMiB: jsii.Number(props.Memory),
		RuntimePlatform: &awsecs.RuntimePlatform{
			CpuArchitecture:       awsecs.CpuArchitecture_ARM64(),
			OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
		},
		TaskRole:      c.role,
		ExecutionRole: c.execution,
	})
	// Fargate refuses the option no-new-privileges; a user who is not root, without capabilities, in an image without a
	// setuid program has none to gain.
	linux := awsecs.NewLinuxParameters(c, jsii.String("Linux"), nil)
	linux.DropCapabilities(awsecs.Capability_ALL)
	number, _ := port(props.Settings) // checked
	task.AddContainer(jsii.String("Gateway"), &awsecs.ContainerDefinitionOptions{
		ContainerName:          jsii.String(containerName),
		Image:                  props.Image,
		User:                   jsii.String(User + ":" + User),
		Privileged:             jsii.Bool(false),
		ReadonlyRootFilesystem: jsii.Bool(true),
		LinuxParameters:        linux,
		Environment:            variables(props.Settings),
		StopTimeout:            seconds(props.StopTimeout),
		PortMappings:           &[]*awsecs.PortMapping{{ContainerPort: jsii.Number(number), Protocol: awsecs.Protocol_TCP}},
		// A log that waits for CloudWatch would hold up answers.
		Logging: awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{
			LogGroup:      c.logs,
			StreamPrefix:  jsii.String("gateway"),
			Mode:          awsecs.AwsLogDriverMode_NON_BLOCKING,
			MaxBufferSize: awscdk.Size_Mebibytes(jsii.Number(props.LogBuffer)),
		}),
	})
	nag.Acknowledge(task, nag.Rules{
		"AwsSolutions-ECS2": "the variables are the settings of the environment file, none of them secret; the program reads the keys' hashes from Secrets Manager itself",
	})
	resource := task.Node().DefaultChild().(awscdk.CfnResource)
	resource.AddMetadata(jsii.String(settings.BinaryMetadata), props.Package)
	return task
}

func (c *containers) newService(props ContainersProps, task awsecs.FargateTaskDefinition) awsecs.FargateService {
	cluster := c.cluster(props)
	with := &awsecs.FargateServiceProps{
		Cluster:                     cluster,
		TaskDefinition:              task,
		DesiredCount:                wanted(props.Scaling.Desired),
		CapacityProviderStrategies:  strategies(props.Spot),
		AssignPublicIp:              jsii.Bool(false),
		VpcSubnets:                  props.Placement.Subnets,
		SecurityGroups:              &[]awsec2.ISecurityGroup{props.Placement.securityGroup(c)},
		MinHealthyPercent:           jsii.Number(100),
		MaxHealthyPercent:           jsii.Number(200),
		AvailabilityZoneRebalancing: awsecs.AvailabilityZoneRebalancing_ENABLED,
		DeploymentAlarms:            deploymentAlarms(serverAlarms(c, props.Alarms, props.Settings, props.Placement)),
		HealthCheckGracePeriod:      awscdk.Duration_Seconds(jsii.Number(30)),
		PropagateTags:               awsecs.PropagatedTagSource_SERVICE,
		EnableECSManagedTags:        jsii.Bool(true),
		EnableExecuteCommand:        jsii.Bool(false),
	}
	props.BlueGreen.strategy(with)
	service := awsecs.NewFargateService(c, jsii.String("Service"), with)
	// Tasks start only once the cluster has its capacity providers and ECS its permissions.
	service.Node().AddDependency(cluster, c.execution)
	c.place(props, service)
	return service
}

// scale lets the number of tasks follow CPU and requests, whichever asks for more.
func (c *containers) scale(props ContainersProps) {
	scaling := c.service.AutoScaleTaskCount(&awsapplicationautoscaling.EnableScalingProps{
		MinCapacity: jsii.Number(props.Scaling.Min),
		MaxCapacity: jsii.Number(props.Scaling.Max),
	})
	soon := awscdk.Duration_Minutes(jsii.Number(1))
	scaling.ScaleOnCpuUtilization(jsii.String("Cpu"), &awsecs.CpuUtilizationScalingProps{
		TargetUtilizationPercent: jsii.Number(props.Scaling.CPU),
		ScaleOutCooldown:         soon,
	})
	if props.BlueGreen != nil {
		c.scaleOnBoth(props, scaling, *soon.ToSeconds(nil))
		return
	}
	scaling.ScaleOnRequestCount(jsii.String("Requests"), &awsecs.RequestCountScalingProps{
		RequestsPerTarget: jsii.Number(props.Scaling.Requests),
		TargetGroup:       props.Placement.TargetGroup,
		ScaleOutCooldown:  soon,
	})
}

func (c *containers) cluster(props ContainersProps) awsecs.ICluster {
	if props.Cluster != nil {
		return props.Cluster
	}
	return awsecs.NewCluster(c, jsii.String("Cluster"), &awsecs.ClusterProps{
		Vpc:                            props.Placement.Vpc,
		ContainerInsightsV2:            awsecs.ContainerInsights_ENHANCED,
		EnableFargateCapacityProviders: jsii.Bool(true),
	})
}

// strategies names on-demand capacity even where it is all there is: with a launch type instead, a later share of spot
// would replace the service.
func strategies(spot Spot) *[]*awsecs.CapacityProviderStrategy {
	named := []*awsecs.CapacityProviderStrategy{{
		CapacityProvider: jsii.String(onDemand),
		Base:             jsii.Number(spot.OnDemandBase),
		Weight:           jsii.Number(100 - spot.Share),
	}}
	if spot.Share > 0 {
		named = append(named, &awsecs.CapacityProviderStrategy{
			CapacityProvider: jsii.String(spare),
			Weight:           jsii.Number(spot.Share),
		})
	}
	return &named
}

func deploymentAlarms(alarms []awscloudwatch.IAlarm) *awsecs.DeploymentAlarmConfig {
	if len(alarms) == 0 {
		return nil
	}
	var names []*string
	for _, alarm := range alarms {
		names = append(names, alarm.AlarmName())
	}
	return &awsecs.DeploymentAlarmConfig{AlarmNames: &names, Behavior: awsecs.AlarmBehavior_ROLLBACK_ON_ALARM}
}

// wanted is a number that is left out when it is zero.
func wanted(n int) *float64 {
	if n == 0 {
		return nil
	}
	return jsii.Number(n)
}
