package cost

import (
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// rule counts what one resource costs.
type rule func(c *counter, r assembly.Resource)

// rules says by type what is billed whatever the load.
func rules() map[string]rule {
	each := func(item, key string) rule {
		return func(c *counter, _ assembly.Resource) { c.add(item, 1, key) }
	}
	hourly := func(item, key string) rule {
		return func(c *counter, _ assembly.Resource) { c.hours(item, 1, key) }
	}
	return map[string]rule{
		"AWS::ApiGateway::Stage":                    stage,
		"AWS::AutoScaling::AutoScalingGroup":        group,
		"AWS::Budgets::Budget":                      func(c *counter, _ assembly.Resource) { c.unknown("budgets", NoPrice) },
		"AWS::CE::AnomalyMonitor":                   func(c *counter, _ assembly.Resource) { c.unknown("detection of cost anomalies", NoPrice) },
		"AWS::CloudWatch::Alarm":                    alarm,
		"AWS::CloudWatch::CompositeAlarm":           func(c *counter, _ assembly.Resource) { c.unknown("composite alarms", NoPrice) },
		"AWS::CloudWatch::Dashboard":                each("dashboards", "dashboard.month"),
		"AWS::EC2::EIP":                             hourly("public IPv4 addresses", "ipv4.hour"),
		"AWS::EC2::NatGateway":                      hourly("NAT gateways", "nat.hour"),
		"AWS::EC2::VPCEndpoint":                     endpoint,
		"AWS::ECS::Cluster":                         cluster,
		"AWS::ECS::Service":                         service,
		"AWS::ElasticLoadBalancingV2::LoadBalancer": balancer,
		"AWS::KMS::Key":                             each("KMS keys", "kms.key"),
		"AWS::KMS::ReplicaKey":                      each("KMS keys", "kms.key"),
		"AWS::Lambda::Alias":                        provisioned,
		"AWS::Route53::HealthCheck":                 healthCheck,
		"AWS::Route53::HostedZone":                  each("hosted zones", "route53.zone"),
		"AWS::SecretsManager::Secret":               secret,
		"AWS::WAFv2::WebACL":                        firewall,
	}
}

func endpoint(c *counter, r assembly.Resource) {
	switch kind := c.text(r, "VpcEndpointType"); kind {
	case "", "Gateway": // free: AWS's documentation on gateway endpoints, read 2026-09-29 by third parties
	case "Interface":
		if zones := members(r, "SubnetIds"); zones > 0 {
			c.hours("interface endpoints, each in its zones", float64(zones), "endpoint.hour")
			return
		}
		c.unknown("interface endpoints", "the template does not list their subnets")
	default:
		c.unknown("endpoints of type "+kind, NoPrice)
	}
}

func balancer(c *counter, r assembly.Resource) {
	if kind := c.text(r, "Type"); kind != "" && kind != "application" {
		c.unknown(kind+" load balancers", NoPrice)
		return
	}
	c.hours("application load balancers", 1, "alb.hour")
	if c.text(r, "Scheme") == "internal" {
		return
	}
	// One address in each zone: AWS's guide to Application Load Balancers, read 2026-09-30 by third parties.
	if zones := max(members(r, "Subnets"), members(r, "SubnetMappings")); zones > 0 {
		c.hours("public IPv4 addresses", float64(zones), "ipv4.hour")
		return
	}
	c.unknown("public IPv4 addresses of balancers", "the template does not list their subnets")
}

// firewall counts a rule for each rule of our own and each group of rules that AWS manages.
func firewall(c *counter, r assembly.Resource) {
	c.add("web ACLs", 1, "waf.acl")
	rules, _ := property(r, "Rules").([]any)
	if len(rules) > 0 {
		c.add("rules of web ACLs", float64(len(rules)), "waf.rule")
	}
	for _, rule := range rules {
		managed, _ := property(assembly.Resource{Properties: object(rule)}, "Statement", "ManagedRuleGroupStatement").(map[string]any)
		if managed == nil {
			continue
		}
		name, _ := managed["Name"].(string)
		if managed["VendorName"] != "AWS" || strings.Contains(name, "BotControl") || strings.Contains(name, "ATP") || strings.Contains(name, "ACFP") {
			c.unknown("subscription to rules "+name, NoPrice)
		}
	}
}

func object(value any) map[string]any { o, _ := value.(map[string]any); return o }

// secret counts the copies in other Regions too; each is billed as a secret of its own.
func secret(c *counter, r assembly.Resource) {
	c.add("secrets, copies included", 1+float64(members(r, "ReplicaRegions")), "secret.month")
}

// alarm counts the metrics that an alarm looks at, for each is billed.
func alarm(c *counter, r assembly.Resource) {
	queries, _ := property(r, "Metrics").([]any)
	metrics := 0
	for _, q := range queries {
		if expression, _ := object(q)["Expression"].(string); strings.Contains(expression, "ANOMALY_DETECTION_BAND") {
			c.unknown("alarms on an anomaly", NoPrice)
			return
		}
		if object(q)["MetricStat"] != nil {
			metrics++
		}
	}
	if period, err := c.stack.Int(r, "Period"); err == nil && period > 0 && period < 60 {
		c.unknown("alarms of high resolution", NoPrice)
		return
	}
	c.add("alarms, by metric", float64(max(metrics, 1)), "alarm.month")
}

func healthCheck(c *counter, r assembly.Resource) {
	kind := c.text(r, "HealthCheckConfig", "Type")
	if kind != "HTTP" && kind != "HTTPS" && kind != "HTTP_STR_MATCH" && kind != "HTTPS_STR_MATCH" && kind != "TCP" {
		c.unknown("health checks of type "+kind, NoPrice)
		return
	}
	c.add("health checks", 1, "route53.check")
	options := 0.0
	for _, chosen := range []bool{
		strings.HasPrefix(kind, "HTTPS"), strings.HasSuffix(kind, "STR_MATCH"),
		c.text(r, "HealthCheckConfig", "RequestInterval") == "10", c.text(r, "HealthCheckConfig", "MeasureLatency") == "true",
	} {
		if chosen {
			options++
		}
	}
	if options > 0 {
		c.add("options of health checks", options, "route53.checkOption")
	}
}

func stage(c *counter, r assembly.Resource) {
	if c.text(r, "CacheClusterEnabled") == "true" {
		c.unknown("cache of an API", NoPrice)
	}
}

func provisioned(c *counter, r assembly.Resource) {
	if property(r, "ProvisionedConcurrencyConfig") != nil {
		c.unknown("provisioned concurrency", NoPrice)
	}
}

// cluster notes Container Insights, whose number of metrics follows from tasks and services over time.
func cluster(c *counter, r assembly.Resource) {
	settings, _ := property(r, "ClusterSettings").([]any)
	for _, s := range settings {
		if o := object(s); o["Name"] == "containerInsights" && o["Value"] != "disabled" {
			c.unknown("Container Insights", NoPrice)
		}
	}
}

// service counts the tasks that there are at least.
func service(c *counter, r assembly.Resource) {
	t, why := tasksOf(c.stack, r)
	if why != "" {
		c.unknown("tasks", why)
		return
	}
	onDemand, spot := t.split(t.min)
	if onDemand > 0 {
		c.hours("tasks at least, virtual CPUs", float64(onDemand)*t.cpu, "fargate.vcpuHour."+t.arch).compute = true
		c.hours("tasks at least, memory", float64(onDemand)*t.gb, "fargate.gbHour."+t.arch).compute = true
	}
	if spot > 0 {
		c.unknown("tasks on Fargate Spot", NoPrice)
	}
}

// group counts the instances that there are at least, and their volumes.
func group(c *counter, r assembly.Resource) {
	g, why := instancesOf(c.stack, r)
	if why != "" {
		c.unknown("instances", why)
		return
	}
	onDemand, spot := g.split(g.min)
	if onDemand > 0 {
		c.hours("instances at least, "+g.kind, float64(onDemand), "ec2."+g.kind).compute = true
	}
	if spot > 0 {
		c.unknown("instances on Spot", NoPrice)
	}
	if g.min > 0 && g.gp3 > 0 {
		c.add("volumes, gp3", float64(g.min)*g.gp3, "ebs.gp3").compute = true
	}
	if g.otherVolumes {
		c.unknown("volumes other than gp3", NoPrice)
	}
	if g.detailed {
		c.unknown("detailed monitoring of instances", NoPrice)
	}
}
