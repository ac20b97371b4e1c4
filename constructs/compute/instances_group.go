package compute

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/nag"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// warmUp is how long a new instance needs until its metrics say something, and until its health counts.
const warmUp = 3 * time.Minute

// newRole makes the role with what the instance itself needs, beside the models.
func (i *instances) newRole() awsiam.Role {
	role := awsiam.NewRole(i, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ec2.amazonaws.com"), nil),
		Description: jsii.String("What the inference gateway's instances may do"),
	})
	i.logs.GrantWrite(role)
	// Session Manager, and not the managed policy AmazonSSMManagedInstanceCore, which also reads every parameter of the
	// account. These actions know no resource to name; the condition keeps them to credentials used on an instance.
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel",
			"ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"),
		Resources: jsii.Strings("*"),
		Conditions: &map[string]any{"ArnLike": map[string]any{
			"ec2:SourceInstanceARN": "arn:aws:ec2:" + region(i) + ":" + account(i) + ":instance/*",
		}},
	}))
	acknowledgeAll(role, "Session Manager's actions know no resource; the condition keeps them to credentials used on an instance of this account and Region")
	return role
}

// grantDownload lets the role read the one object that the program is, where the asset's own grant would be on the whole
// bucket. A bootstrap bucket with a key of the customer's needs kms:Decrypt on that key besides.
func (i *instances) grantDownload(asset awss3assets.Asset) {
	i.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("s3:GetObject"),
		Resources: jsii.Strings(*asset.Bucket().ArnForObjects(asset.S3ObjectKey())),
	}))
}

func (i *instances) newTemplate(props InstancesProps, data awsec2.UserData) awsec2.LaunchTemplate {
	template := awsec2.NewLaunchTemplate(i, jsii.String("Template"), &awsec2.LaunchTemplateProps{
		// The newest at each deployment, through the public parameter; nothing is looked up at synthesis.
		MachineImage: awsec2.MachineImage_LatestAmazonLinux2023(&awsec2.AmazonLinux2023ImageSsmParameterProps{
			CpuType:         awsec2.AmazonLinuxCpuType_ARM_64,
			CachedInContext: jsii.Bool(false),
		}),
		Role:                     i.role,
		SecurityGroup:            props.Placement.securityGroup(i),
		AssociatePublicIpAddress: jsii.Bool(false),
		UserData:                 data,
		DetailedMonitoring:       jsii.Bool(true),
		EbsOptimized:             jsii.Bool(true),
		HttpEndpoint:             jsii.Bool(true),
		HttpTokens:               awsec2.LaunchTemplateHttpTokens_REQUIRED,
		HttpPutResponseHopLimit:  jsii.Number(1),
		BlockDevices: &[]*awsec2.BlockDevice{{
			DeviceName: jsii.String("/dev/xvda"),
			Volume: awsec2.BlockDeviceVolume_Ebs(jsii.Number(props.Disk), &awsec2.EbsDeviceOptions{
				VolumeType:          awsec2.EbsDeviceVolumeType_GP3,
				Encrypted:           jsii.Bool(true),
				DeleteOnTermination: jsii.Bool(true),
			}),
		}},
	})
	resource := template.Node().DefaultChild().(awscdk.CfnResource)
	resource.AddMetadata(jsii.String(settings.BinaryMetadata), props.Code.Package)
	return template
}

func (i *instances) newGroup(props InstancesProps) awsautoscaling.AutoScalingGroup {
	group := awsautoscaling.NewAutoScalingGroup(i, jsii.String("Group"), &awsautoscaling.AutoScalingGroupProps{
		Vpc:                   props.Placement.Vpc,
		VpcSubnets:            props.Placement.Subnets,
		MinCapacity:           jsii.Number(props.Scaling.Min),
		MaxCapacity:           jsii.Number(props.Scaling.Max),
		DesiredCapacity:       wanted(props.Scaling.Desired),
		MixedInstancesPolicy:  i.mixed(props),
		CapacityRebalance:     jsii.Bool(props.Spot.Share > 0),
		DefaultInstanceWarmup: seconds(warmUp),
		GroupMetrics:          &[]awsautoscaling.GroupMetrics{awsautoscaling.GroupMetrics_All()},
		HealthChecks: awsautoscaling.HealthChecks_WithAdditionalChecks(&awsautoscaling.AdditionalHealthChecksOptions{
			AdditionalTypes: &[]awsautoscaling.AdditionalHealthCheckType{awsautoscaling.AdditionalHealthCheckType_ELB},
			GracePeriod:     seconds(warmUp),
		}),
		UpdatePolicy: i.refresh(props),
	})
	nag.Acknowledge(group, nag.Rules{
		"AwsSolutions-AS3":                           "EventBridge has every scaling event, and the group's activity history too; a topic that nobody reads would tell no one",
		"CdkNagValidationFailure[AwsSolutions-EC26]": "the rule looks for LaunchTemplate, and the group names its template in MixedInstancesPolicy; the volume in it is encrypted",
	})
	// An instance that starts before its role has its policy cannot fetch its program.
	group.Node().AddDependency(i.role)
	// The first instances say that they answer. The L2's Signals would also let the role signal, which an instance of the
	// stack may anyway; later ones are judged by the balancer's health check, for a refresh takes no signals.
	group.Node().DefaultChild().(awscdk.CfnResource).CfnOptions().SetCreationPolicy(&awscdk.CfnCreationPolicy{
		ResourceSignal: &awscdk.CfnResourceSignal{
			Count:   jsii.Number(max(props.Scaling.Min, props.Scaling.Desired)),
			Timeout: seconds(props.StartTimeout).ToIsoString(),
		},
	})
	// The instance waits here while the balancer sends it nothing new and its streams end. Nobody reports that they did:
	// the hook's time runs out and the termination goes on. Then systemd stops the program, which drains once more.
	group.AddLifecycleHook(jsii.String("Drain"), &awsautoscaling.BasicLifecycleHookProps{
		LifecycleTransition: awsautoscaling.LifecycleTransition_INSTANCE_TERMINATING,
		HeartbeatTimeout:    seconds(props.DrainHook),
		DefaultResult:       awsautoscaling.DefaultResult_CONTINUE,
	})
	props.Placement.TargetGroup.AddTarget(group)
	return group
}

func (i *instances) mixed(props InstancesProps) *awsautoscaling.MixedInstancesPolicy {
	var types []*awsautoscaling.LaunchTemplateOverrides
	for _, name := range props.Types {
		types = append(types, &awsautoscaling.LaunchTemplateOverrides{InstanceType: awsec2.NewInstanceType(jsii.String(name))})
	}
	return &awsautoscaling.MixedInstancesPolicy{
		LaunchTemplate:          i.template,
		LaunchTemplateOverrides: &types,
		InstancesDistribution: &awsautoscaling.InstancesDistribution{
			OnDemandAllocationStrategy:          awsautoscaling.OnDemandAllocationStrategy_PRIORITIZED,
			OnDemandBaseCapacity:                jsii.Number(props.Spot.OnDemandBase),
			OnDemandPercentageAboveBaseCapacity: jsii.Number(100 - props.Spot.Share),
			SpotAllocationStrategy:              awsautoscaling.SpotAllocationStrategy_PRICE_CAPACITY_OPTIMIZED,
		},
	}
}

// refresh replaces instances only after others took their place, and fails when an alarm goes off. There is never less
// than the whole capacity; half as much again may start at the same time.
func (i *instances) refresh(props InstancesProps) awsautoscaling.UpdatePolicy {
	update := props.Update
	options := &awsautoscaling.InstanceRefreshOptions{
		Strategy:             awsautoscaling.InstanceRefreshStrategy_ROLLING,
		MinHealthyPercentage: jsii.Number(100),
		MaxHealthyPercentage: jsii.Number(150),
		InstanceWarmup:       seconds(warmUp),
		BakeTime:             seconds(update.BakeTime),
	}
	if update.Percent > 0 {
		options.CheckpointPercentages = &[]*float64{jsii.Number(update.Percent), jsii.Number(100)}
		options.CheckpointDelay = seconds(update.StepTime)
	}
	if alarms := serverAlarms(i, update.Alarms, props.Settings, props.Placement); len(alarms) > 0 {
		options.Alarms = alarmRefs(alarms)
	}
	return awsautoscaling.UpdatePolicy_InstanceRefresh(options)
}

// scale lets the number of instances follow CPU and requests, whichever asks for more.
func (i *instances) scale(props InstancesProps) {
	i.group.ScaleOnCpuUtilization(jsii.String("Cpu"), &awsautoscaling.CpuUtilizationScalingProps{
		TargetUtilizationPercent: jsii.Number(props.Scaling.CPU),
	})
	i.group.ScaleOnRequestCount(jsii.String("Requests"), &awsautoscaling.RequestCountScalingProps{
		TargetRequestsPerMinute: jsii.Number(props.Scaling.Requests),
	})
}

func (i *instances) boot(props InstancesProps, asset awss3assets.Asset, digest string) boot {
	group := i.group.Node().DefaultChild().(awscdk.CfnElement)
	return boot{
		told:     props.Settings,
		digest:   digest,
		bucket:   *asset.S3BucketName(),
		key:      *asset.S3ObjectKey(),
		region:   region(i),
		logGroup: *i.logs.LogGroupName(),
		stack:    *awscdk.Stack_Of(i).StackName(),
		group:    *group.LogicalId(),
	}
}
