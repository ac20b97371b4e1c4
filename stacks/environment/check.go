package environment

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// maxVariablesBytes is how many bytes Lambda allows for all environment variables of a function, names and values.
const maxVariablesBytes = 4096

// arnBytes is room for the ARN of a secret that the stack makes: its name is the stack's, with what CloudFormation adds.
const arnBytes = 200

// leastLife is how long a model must still have when it is deployed: time to notice, to move and to try.
const leastLife = 30 * 24 * time.Hour

// checker holds an environment that was read without problems of form against the catalog and against itself.
type checker struct {
	d       *decoder
	catalog *catalog.Catalog
	asOf    time.Time
}

func (c checker) environment(e *Environment) {
	for i := range e.Models {
		c.model(&e.Models[i], e)
	}
	c.expiry(e)
	c.profiles(e)
	if len(e.Regions) == 0 {
		return // already a problem
	}
	c.auth(e)
	c.budget(e)
	c.firstByte(e)
	c.limits(e)
	c.network(e)
	c.edge(e)
	c.servers(e)
	c.failover(e)
	c.tracing(e)
	c.rollouts(e)
	c.observability(e)
	if e.Serverless != nil {
		c.variables(e)
	}
}

// limits holds the limits of processes against each other and against what keeps to them.
func (c checker) limits(e *Environment) {
	l := e.Gateway.Limits
	if l.HeldBytes < e.Gateway.MaxBodyBytes {
		c.d.problem("gateway.maxHeldBytes", "is %d, less than one body may have: gateway.maxBodyBytes is %d; raise it", l.HeldBytes, e.Gateway.MaxBodyBytes)
	}
	for _, key := range []string{"maxConcurrency", "maxQueue", "queueWait", "maxHeldBytes", "tenantLimits"} {
		path := "gateway." + key
		if c.d.lines[path] != 0 && e.Containers == nil && e.Instances == nil {
			c.d.problem(path, "is for the processes of containers and instances, and there are none; remove it: a function serves "+
				"one request at a time, and serverless.reservedConcurrency limits how many")
		}
	}
	if path := "gateway.tenantLimits"; c.d.lines[path] != 0 && e.Serverless != nil {
		c.d.warning(path, "is not kept to by serverless, whose processes serve one request each and know nothing of the others")
	}
}

// profiles holds what the names of profiles consist of to what Bedrock takes: no two dashes in a row, none at the end.
func (c checker) profiles(e *Environment) {
	wrong := func(name string) bool { return strings.Contains(name, "--") || strings.HasSuffix(name, "-") }
	if !e.ApplicationProfiles {
		return
	}
	for _, m := range e.Models {
		if wrong(m.Alias) {
			c.d.problem("models."+m.Alias, "has two dashes in a row or one at its end, and with applicationProfiles: true it is part of the name "+
				"of a profile, where Bedrock takes neither; name it otherwise")
		}
	}
	if wrong(e.Name) {
		c.d.problem("applicationProfiles", "names profiles after the environment, and %q has two dashes in a row or one at its end, which Bedrock "+
			"does not take; name the file otherwise", e.Name)
	}
}

// expiry warns of an environment that was to be gone by now; nothing deletes it by itself.
func (c checker) expiry(e *Environment) {
	switch {
	case e.Expires.IsZero():
	case e.Production:
		c.d.problem("expires", "is for environments that are to go, and this one is production: true; remove one of the two")
	case c.asOf.After(e.Expires.AddDate(0, 0, 1)):
		c.d.warning("expires", "was %s; make destroy ENV=%s deletes what is deployed, or write a later day", e.Expires.Format(time.DateOnly), e.Name)
	}
}

func (c checker) model(m *Model, e *Environment) {
	limit := mostTokens
	for i := range m.Targets {
		path := fmt.Sprintf("models.%s.targets[%d]", m.Alias, i)
		call, ok := c.target(path, &m.Targets[i], e)
		if ok && call.Model.MaxOutputTokens > 0 {
			limit = min(limit, call.Model.MaxOutputTokens)
		}
	}
	c.tokens("models."+m.Alias, m, limit)
}

// tokens fills in the numbers that are not written and holds those that are against the limit, which is that of the
// target that can write least.
func (c checker) tokens(path string, m *Model, limit int) {
	if m.MaxTokens == 0 {
		m.MaxTokens = min(limit, max(MostTokens, m.DefaultMaxTokens))
	}
	if m.MaxTokens > limit {
		c.d.problem(path+".maxTokens", "is %d, more than the %d that a target's model can write; lower it", m.MaxTokens, limit)
	}
	if m.DefaultMaxTokens == 0 {
		m.DefaultMaxTokens = min(DefaultTokens, m.MaxTokens)
	}
	if m.DefaultMaxTokens > m.MaxTokens {
		c.d.problem(path+".defaultMaxTokens", "is %d, more than maxTokens, which is %d; lower it or raise maxTokens",
			m.DefaultMaxTokens, m.MaxTokens)
	}
}

func (c checker) target(path string, t *Target, e *Environment) (catalog.Call, bool) {
	if t.Model == "" {
		return catalog.Call{}, false // already a problem
	}
	call, err := c.catalog.Resolve(t.Model)
	if err != nil {
		c.d.problem(path+".model", "is %v", err)
		return call, false
	}
	if !c.alive(path+".model", call) {
		return call, false
	}
	c.destinations(path, call, t)
	c.residence(path, call, e)
	c.reach(path, *t, e.Regions)
	return call, true
}

// alive refuses a model whose calls fail on the day asked about, and warns of one that will be next.
func (c checker) alive(path string, call catalog.Call) bool {
	switch call.Model.Status(c.asOf) {
	case catalog.Ended:
		c.d.problem(path, "is %q, whose end of life was %s: Bedrock refuses it; %s",
			call.ID, call.Model.EndOfLife.Format(time.DateOnly), c.successor(call))
		return false
	case catalog.Legacy:
		if left := call.Model.EndOfLife.Sub(c.asOf); !call.Model.EndOfLife.IsZero() && left < leastLife {
			c.d.problem(path, "is %q, whose end of life is %s, in %d days: what is deployed now would soon be refused; %s",
				call.ID, call.Model.EndOfLife.Format(time.DateOnly), int(left.Hours()/24), c.successor(call))
			return false
		}
		ends := "its end of life is not announced"
		if !call.Model.EndOfLife.IsZero() {
			ends = "its end of life is " + call.Model.EndOfLife.Format(time.DateOnly)
		}
		c.d.warning(path, "is %q, which is legacy: Bedrock refuses it to new customers, and %s; %s",
			call.ID, ends, c.successor(call))
	}
	return true
}

// successor says what to write instead, in the form of the id that was given where the successor has it.
func (c checker) successor(call catalog.Call) string {
	next, ok := c.catalog.Successor(call.Model.ID, c.asOf)
	ids := next.CallIDs()
	if !ok || len(ids) == 0 {
		return "the catalog knows no successor; choose another model"
	}
	best := ids[0]
	if call.Profile != nil && slices.Contains(ids, call.Profile.Prefix+"."+next.ID) {
		best = call.Profile.Prefix + "." + next.ID
	}
	return fmt.Sprintf("write %q", best)
}

// destinations fills in the Regions of a geography profile, for IAM must allow the model in each of them.
func (c checker) destinations(path string, call catalog.Call, t *Target) {
	given := t.Destinations
	geography := call.Profile != nil && call.Profile.Prefix != "global"
	switch {
	case !geography && len(given) > 0:
		c.d.problem(path+".destinations", "is only for a geography profile, and %q is none; remove it", t.Model)
	case !geography:
	case len(given) == 0 && len(call.Profile.Destinations) == 0:
		c.d.problem(path+".destinations", "is missing, and the catalog does not know to which Regions %q may be routed; "+
			"add the Regions that aws bedrock get-inference-profile --inference-profile-identifier %s lists",
			t.Model, t.Model)
	case len(given) == 0:
		t.Destinations = slices.Clone(call.Profile.Destinations)
	case len(call.Profile.Destinations) > 0 && !sameSet(given, call.Profile.Destinations):
		c.d.warning(path+".destinations", "differ from those of the catalog, which are %s; yours are used",
			strings.Join(call.Profile.Destinations, ", "))
	}
}

// residence refuses to let prompts of an environment in the European Union leave it unasked.
func (c checker) residence(path string, call catalog.Call, e *Environment) {
	european := slices.IndexFunc(e.Regions, func(region string) bool { return strings.HasPrefix(region, "eu-") })
	if european < 0 || call.Profile == nil || call.Profile.Prefix != "global" || e.Acknowledge.GlobalProfiles != "" {
		return
	}
	c.d.problem(path+".model", "is %q, which may be routed to any commercial Region, and regions has %s; write an eu. profile, or "+
		"acknowledge.globalProfiles with a sentence that says why prompts may leave the EU", call.ID, e.Regions[european])
}

// reach warns of a geography profile that is called from outside its geography.
func (c checker) reach(path string, t Target, regions []string) {
	if len(t.Destinations) == 0 {
		return
	}
	if t.Region != "" {
		regions = []string{t.Region}
	}
	for _, region := range regions {
		if !slices.Contains(t.Destinations, region) {
			c.d.warning(path, "calls %q from %s, which is none of its destinations (%s); check that Bedrock offers it there",
				t.Model, region, strings.Join(t.Destinations, ", "))
		}
	}
}

// variables refuses more environment variables than a function may have.
func (c checker) variables(e *Environment) {
	size := 0
	if e.MakesKeys() {
		size = arnBytes
	}
	if e.Gateway.Feedback {
		size += len(settings.EnvFeedbackSecret) + arnBytes
	}
	for name, text := range e.Settings(settings.VariantServerless, e.Regions[0]).Encode() {
		size += len(name) + len(text)
	}
	if e.ApplicationProfiles {
		for _, t := range e.Targets(e.Regions[0]) {
			if t.Region == e.Regions[0] {
				size += len(`,"profile":""`) + settings.ProfileARNBytes
			}
		}
	}
	if size > maxVariablesBytes {
		c.d.problem("models", "make %d bytes of environment variables with the other settings; Lambda allows %d; remove aliases or targets",
			size, maxVariablesBytes)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
