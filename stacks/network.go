package stacks

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/access"
	"github.com/genai-pipeline/genai-pipeline/constructs/network"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// newNetwork makes the network that the variants of a Region share, with the endpoints that these variants need; nil
// where none runs in one.
func newNetwork(scope awscdk.Stage, e environment.Environment, region string, k kept) network.Network {
	function := e.Serverless != nil && e.Serverless.VPC
	if e.Containers == nil && e.Instances == nil && !function {
		return nil
	}
	stack := newStack(scope, "network", e, "Network of the inference gateway")
	props := network.Props{
		Needs: network.Needs{
			Containers: e.Containers != nil, Instances: e.Instances != nil, Function: function,
			Secrets: len(k.settings(e, settings.VariantContainers, region).Secrets()) > 0, Archive: k.records != nil, Elsewhere: len(modelsIn(e, region)) == 0,
		},
		ZoneIDs:     zonesOf(e.Network.ZoneIDs, region),
		PrefixLists: prefixLists(e.Network.PrefixLists[region]),
		Policies:    policies(e, region, k),
	}
	if from, ok := e.Network.Import[region]; ok {
		props.Import = &network.Import{
			VpcID: from.VPC, Zones: from.Zones, PublicSubnetIDs: from.Public, IsolatedSubnetIDs: from.Isolated, IsolatedRouteTableIDs: from.RouteTables,
		}
		if len(from.EndpointGroups) > 0 {
			props.Endpoints, props.EndpointGroupIDs, props.Policies = network.EndpointsExisting, from.EndpointGroups, nil
		}
	} else {
		props.Zones, props.CIDR, props.NAT = e.Network.Zones[region], e.Network.CIDR, e.Network.NAT
		props.FlowLogRetention, props.Retain = e.Network.FlowLogRetention, e.Production
	}
	return network.NewNetwork(stack, "Network", props)
}

// policies are what may pass the endpoints that only the environment can narrow.
func policies(e environment.Environment, region string, k kept) map[network.Service][]network.Statement {
	narrow := map[network.Service][]network.Statement{}
	if here := passing(e, region); len(here) > 0 {
		granted, _ := access.New(e.Account, here) // some of those that the stage has checked
		narrow[network.BedrockRuntime] = network.ModelStatements(granted)
	}
	secrets := k.settings(e, settings.VariantContainers, region).Secrets()
	if e.Auth.SmokeKey != "" && e.HooksContainers(region) {
		secrets = append(secrets, e.Auth.SmokeKey) // the smoke test reads it from in here; that of the function does not
	}
	if len(secrets) > 0 {
		narrow[network.SecretsManager] = []network.Statement{{
			Actions: []string{"secretsmanager:GetSecretValue"}, Resources: access.SecretARNs(secrets, region, e.Account),
		}}
	}
	if k.records != nil {
		narrow[network.S3] = append(narrow[network.S3], network.Statement{
			Actions:   []string{"s3:PutObject"},
			Resources: []string{*k.records.Bucket().ArnForObjects(jsii.String(settings.ArchivePrefix + "*"))},
		})
	}
	if e.Instances != nil {
		narrow[network.S3] = append(narrow[network.S3], network.Statement{
			Actions:   []string{"s3:GetObject"},
			Resources: []string{"arn:aws:s3:::cdk-" + qualifier + "-assets-" + e.Account + "-" + region + "/*"},
		})
		narrow[network.CloudFormation] = []network.Statement{network.Signal("arn:aws:cloudformation:" + region + ":" + e.Account + ":stack/" +
			e.StageName(region) + "-" + settings.VariantInstances + "/*")}
	}
	return narrow
}

// modelsIn are the models that are called in the Region itself, through its own endpoint.
func modelsIn(e environment.Environment, region string) []access.Target {
	return slices.DeleteFunc(models(e, region), func(t access.Target) bool { return t.Region != region })
}

// checkers is the service whose prefix list lets Route 53's health checkers call a balancer; no endpoint is of it.
const checkers = "route53"

// qualifier is that of CDK's bootstrap, whose bucket holds the program of the instances.
const qualifier = "hnb659fds"

// zonesOf are the ids of a Region's zones: an environment names those of all.
func zonesOf(ids map[string]string, region string) map[string]string {
	of := map[string]string{}
	for zone, id := range ids {
		if strings.HasPrefix(zone, region) {
			of[zone] = id
		}
	}
	return of
}

func prefixLists(ids map[string]string) map[network.Service]string {
	given := map[network.Service]string{}
	for service, id := range ids {
		if id != "" && service != checkers {
			given[network.Service(service)] = id
		}
	}
	return given
}
