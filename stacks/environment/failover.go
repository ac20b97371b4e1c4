package environment

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Failover leads callers of every domain from one Region to the other. Without it, two Regions know nothing of each other.
type Failover struct {
	Mode     string        // ActivePassive, the default, or ActiveActive
	Path     string        // that health checks ask for; default endpoint.Healthz. It must cost nothing and ask nobody who they are
	Interval time.Duration // between two checks of a health checker: 10 s, the default, or 30 s
	Failures int           // in a row, until a Region is unhealthy: 1 to 10, default 3
	Capacity time.Duration // until the other Region can take all callers; default 0: it always runs at that size
}

// The modes.
const (
	ActivePassive = "active-passive" // all callers go to the first Region of regions, and to the second while that is unhealthy
	ActiveActive  = "active-active"  // each Region has its share of callers, and all while the other is unhealthy
)

func (v value) failover() *Failover {
	f := &Failover{Mode: ActivePassive}
	asks := recovery.Plan{}.Filled().Check
	f.Path, f.Interval, f.Failures = asks.Path, asks.Interval, asks.Failures
	v.object(fields{
		"mode":     func(v value) { v.choice(&f.Mode, ActivePassive, ActiveActive) },
		"path":     func(v value) { v.text(&f.Path) },
		"interval": func(v value) { v.duration(&f.Interval, 10*time.Second, 30*time.Second) },
		"failures": func(v value) { v.integer(&f.Failures, 1, 10) },
		"capacity": func(v value) { v.duration(&f.Capacity, 0, time.Hour) },
	})
	return f
}

// The stages of an environment, each of which is deployed as a whole. The first part of their stacks' names.

// StageName is the stage of a Region.
func (e Environment) StageName(region string) string { return e.Name + "-" + region }

// CopiesStage is the stage of what the other Region copies to this one, which must be there before the other's data.
func (e Environment) CopiesStage(region string) string { return e.StageName(region) + "-copies" }

// SecretsStage is the stage of the secrets that the first Region makes and Secrets Manager copies to the other, which must
// be there before a program in either.
func (e Environment) SecretsStage() string { return e.Name + "-secrets" }

// GlobalStage is the stage of what belongs to no Region.
func (e Environment) GlobalStage() string { return e.Name + "-global" }

// Other is the other of two Regions.
func (e Environment) Other(region string) string { return e.Regions[1-slices.Index(e.Regions, region)] }

// Stages are the names of the stages, in the order to deploy them: what other Regions name must be there first, and the
// Region that callers go to comes last. They are destroyed in the opposite order.
func (e Environment) Stages() []string {
	var stages []string
	if e.HasSecrets() {
		stages = append(stages, e.SecretsStage())
	}
	if e.HasCopies() {
		for _, region := range slices.Backward(e.Regions) {
			stages = append(stages, e.CopiesStage(region))
		}
	}
	for _, region := range slices.Backward(e.Regions) {
		stages = append(stages, e.StageName(region))
	}
	if e.HasGlobal() {
		stages = append(stages, e.GlobalStage())
	}
	return stages
}

// MakesKeys tells whether a stack makes the secret with the hashes of API keys.
func (e Environment) MakesKeys() bool { return e.Auth.Mode == AuthKeys && e.Auth.Secret == "" }

// HasSecrets tells whether there is a stage of secrets. Without failover each Region has its own, with its data.
func (e Environment) HasSecrets() bool {
	return e.Failover != nil && (e.MakesKeys() || e.Gateway.Feedback)
}

// HasCopies tells whether there are stages of copies.
func (e Environment) HasCopies() bool { return e.Failover != nil && e.Archive != nil }

// HasGlobal tells whether there is a stage of what belongs to no Region.
func (e Environment) HasGlobal() bool {
	return e.Audit != nil || e.Observability != nil || e.Failover != nil && len(e.Domains()) > 0
}

// Steps are the stages as patterns that the CDK command line takes.
func (e Environment) Steps() []string {
	steps := e.Stages()
	for i, stage := range steps {
		steps[i] = stage + "/**"
	}
	return steps
}

// FollowsAlarms tells whether callers of containers and instances are led by alarms: the health checkers, who come from the
// internet, cannot ask what stands behind internal balancers.
func (e Environment) FollowsAlarms() bool {
	domains := e.Domains()
	return e.Failover != nil && !e.Edge.InternetFacing && (domains["containers.domain"] != "" || domains["instances.domain"] != "")
}

// HealthAlarms are the names of the alarms that health checks of a variant follow in a Region: one for each target group.
func (e Environment) HealthAlarms(region, variant string) []string {
	names := []string{e.StageName(region) + "-" + variant + "-healthy"}
	if variant == settings.VariantContainers && e.Containers != nil && e.Containers.Rollout == Canary {
		names = append(names, names[0]+"-green")
	}
	return names
}

// Recovery is what the recovery time of the environment follows from, at worst; false where there is no failover.
func (e Environment) Recovery() (recovery.Plan, bool) {
	if e.Failover == nil {
		return recovery.Plan{}, false
	}
	plan := e.Asking()
	if following := e.Following(); e.FollowsAlarms() && (!e.asks() || following.RTO() > plan.RTO()) {
		plan = following
	}
	plan.SlowReason = e.Acknowledge.RecoveryTime
	return plan, true
}

// asks tells whether there is anything that health checkers ask.
func (e Environment) asks() bool {
	return !e.FollowsAlarms() || e.Domains()["serverless.api.domain"] != ""
}

// Asking is the plan of what health checkers ask. There must be failover.
func (e Environment) Asking() recovery.Plan {
	plan := e.plan(e.silence())
	for _, region := range e.Called() {
		plan.FirstByte = max(plan.FirstByte, e.Settings("", region).FirstByteAtWorst()) // of every variant the same
	}
	plan.Check = recovery.Check{Path: e.Failover.Path, Interval: e.Failover.Interval, Failures: e.Failover.Failures}
	return e.excused(plan)
}

// Called are the Regions that callers go to while all is well, as far as we know: without failover the first.
func (e Environment) Called() []string {
	if e.Failover != nil && e.Failover.Mode == ActiveActive {
		return e.Regions
	}
	return e.Regions[:1]
}

// Following is the plan of what follows alarms. There must be failover.
func (e Environment) Following() recovery.Plan {
	plan := e.plan(budget.BalancerIdle(e.Gateway.StreamBudget))
	plan.Alarm = &recovery.Alarm{Shows: budget.TargetSick}
	return e.excused(plan)
}

func (e Environment) plan(silence time.Duration) recovery.Plan {
	return recovery.Plan{KeepAlive: budget.BalancerKeepAlive, Silence: silence, Capacity: e.Failover.Capacity}
}

// excused has the reason for a plan that needs one: the other may not.
func (e Environment) excused(plan recovery.Plan) recovery.Plan {
	if plan = plan.Filled(); plan.RTO() > recovery.Limit {
		plan.SlowReason = e.Acknowledge.RecoveryTime
	}
	return plan
}

// silence is how long a request waits at worst for a Region that says nothing: of the ways in that have a domain.
func (e Environment) silence() time.Duration {
	longest := budget.BalancerIdle(e.Gateway.StreamBudget)
	if e.Domains()["serverless.api.domain"] != "" {
		longest = max(longest, budget.Function(e.Gateway.StreamBudget))
	}
	return longest
}

// Losses is what each kind of the environment's state loses at worst when a Region is lost; nil without failover.
func (e Environment) Losses() []recovery.Loss {
	if e.Failover == nil {
		return nil
	}
	var losses []recovery.Loss
	if e.Archive != nil {
		losses = append(losses, recovery.Records(e.Archive.Interval))
	}
	if e.HasSecrets() {
		losses = append(losses, recovery.Secret())
	}
	return losses
}

// CheckName is the name by which just one Region answers, for health checks: us-east-1.gateway.example.com. The
// certificate of that Region must have it where an API is behind it.
func CheckName(region, domain string) string { return region + "." + domain }

// failover holds the failover against the Regions and the variants.
func (c checker) failover(e *Environment) {
	f := e.Failover
	if f == nil {
		if e.Acknowledge.RecoveryTime != "" {
			c.d.problem("acknowledge.recoveryTime", "is there, and nothing fails over; remove it, or add failover")
		}
		return
	}
	if len(e.Regions) != 2 {
		c.d.problem("failover", "is there, and regions has %d; name two, or remove it", len(e.Regions))
	}
	if len(e.Domains()) == 0 {
		c.d.problem("failover", "is there, and no variant has a domain that callers could follow; add one, such as containers.domain, or remove it")
	}
	if e.Edge.HostedZone == "" && c.d.lines["edge.hostedZone"] == 0 {
		c.d.problem("edge.hostedZone", "is missing; failover makes records in it; add the id of the Route 53 zone of the domains")
	}
	c.recovery(e)
	c.checkers(e)
}

// recovery refuses a recovery time that nobody has agreed to.
func (c checker) recovery(e *Environment) {
	plan, _ := e.Recovery()
	for _, problem := range plan.Problems() {
		path := "failover"
		for prefix, key := range map[string]string{"Check.Path": ".path", "Check.Interval": ".interval", "Check.Failures": ".failures", "Capacity": ".capacity"} {
			if strings.HasPrefix(problem, prefix) {
				path += key
			}
		}
		if strings.HasPrefix(problem, "SlowReason") {
			path = "acknowledge.recoveryTime"
		}
		_, text, _ := strings.Cut(problem, ": ")
		c.d.problem(path, "%s", strings.NewReplacer("say in SlowReason why that is good enough", "say in acknowledge.recoveryTime why that is good enough",
			"shorten a term", "shorten a term (gateway.streamBudget for silence, gateway.firstByte, failover for others)").Replace(text))
	}
}

// checkers refuses what Route 53's health checkers could not reach: they come from the internet, and sign nothing.
func (c checker) checkers(e *Environment) {
	domains := e.Domains()
	if domains["serverless.api.domain"] != "" && e.Serverless.API.Authorizer == AuthorizerIAM {
		c.d.problem("serverless.api.authorizer", `is "iam", and the health checkers of Route 53 sign nothing; write "none" with auth.mode: keys, or remove serverless.api.domain`)
	}
	if domains["containers.domain"] == "" && domains["instances.domain"] == "" {
		return
	}
	if e.FollowsAlarms() {
		c.unasked(e)
		return
	}
	if slices.Contains(e.Edge.Callers, world) || e.Network == nil {
		return
	}
	for _, region := range e.Regions {
		if e.Network.PrefixLists[region]["route53"] == "" {
			c.d.problem(fmt.Sprintf("network.prefixLists.%s.route53", region), "is missing, and edge.callers does not let Route 53's health checkers in; add the id of prefix list "+
				"com.amazonaws.%s.route53-healthchecks (aws ec2 describe-managed-prefix-lists --region %s)", region, region)
		}
	}
}

// unasked refuses settings of health checks that ask, where nothing can be asked.
func (c checker) unasked(e *Environment) {
	for _, key := range []string{"path", "interval", "failures"} {
		if path := "failover." + key; c.d.lines[path] != 0 && !e.asks() {
			c.d.problem(path, "is of health checks that ask, and edge.internetFacing is false: they follow alarms on the balancers' targets instead; remove it")
		}
	}
}
