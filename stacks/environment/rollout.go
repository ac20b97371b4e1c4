package environment

// Rollout says how callers get to a new version. The default is Canary in production, else AllAtOnce.
type Rollout string

// The ways. Alarms roll back containers and instances in either way; a function only as a canary.
const (
	Canary    Rollout = "canary"      // a part of them first, and watched: after a smoke test, save of instances
	AllAtOnce Rollout = "all-at-once" // as fast as the service does it
)

func (v value) rollout(into *Rollout) {
	text := string(*into)
	v.choice(&text, string(Canary), string(AllAtOnce))
	*into = Rollout(text)
}

// rollouts fills in those that are not written, and warns of containers whose new tasks nothing can test.
func (c checker) rollouts(e *Environment) {
	usual := AllAtOnce
	if e.Production {
		usual = Canary
	}
	fill := func(r *Rollout) {
		if *r == "" {
			*r = usual
		}
	}
	if e.Serverless != nil {
		fill(&e.Serverless.Rollout)
	}
	if e.Instances != nil {
		fill(&e.Instances.Rollout)
	}
	if e.Containers != nil {
		fill(&e.Containers.Rollout)
	}
	c.smokeKey(e)
	if e.Containers == nil {
		return
	}
	for _, region := range e.Regions {
		if why := e.untested(region); e.Containers.Rollout == Canary && why != "" {
			c.d.warning("containers", "is rolled out in steps, in %s without a smoke test before the first: %s", region, why)
		}
	}
}

// smokeKey holds the key of the smoke test against whether there is one.
func (c checker) smokeKey(e *Environment) {
	tested := e.Serverless != nil && e.Serverless.Rollout == Canary
	for _, region := range e.Regions {
		tested = tested || e.HooksContainers(region)
	}
	switch {
	case !tested && e.Auth.SmokeKey != "":
		c.d.problem("auth.smokeKey", "is for the smoke test of a version that is rolled out in steps, and there is none; remove it, or write rollout: canary")
	case tested && e.Auth.SmokeKey == "" && e.Auth.Mode == AuthKeys:
		c.d.warning("auth.smokeKey", "is missing, so the smoke test of a new version asks no model: it sees that it is ready and refuses who has no key; add the name of a secret that holds an API key")
	}
}

// HooksContainers tells whether the new tasks of a Region are tested before the first callers reach them.
func (e Environment) HooksContainers(region string) bool {
	return e.Containers != nil && e.Containers.Rollout == Canary && e.TestsContainers(region)
}

// TestsContainers tells whether a smoke test can reach the new tasks in a Region: inside the network, by the name that
// the certificate is for.
func (e Environment) TestsContainers(region string) bool { return e.untested(region) == "" }

func (e Environment) untested(region string) string {
	switch {
	case e.Containers.Domain == "":
		return "without containers.domain it could not check the balancer's certificate; add it"
	case !e.Edge.InternetFacing || e.Network == nil: // the latter is a problem already
		return ""
	case !e.Network.NAT:
		return "edge.internetFacing gives the balancer public addresses, which the network reaches with network.nat: true alone"
	}
	if _, imported := e.Network.Import[region]; imported {
		return "edge.internetFacing gives the balancer public addresses, and which ones an imported network calls it from is not known"
	}
	return ""
}
