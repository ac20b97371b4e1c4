package environment

import (
	"regexp"
	"slices"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
)

// Server is what containers and instances have in common.
type Server struct {
	Scaling      Scaling
	Spot         Spot
	Domain       string  // name of a host that leads to the balancer; default none
	LogRetention int     // days, one of RetentionDays; default 30
	Rollout      Rollout // default by Environment.Production
}

// Scaling says how many tasks or instances there are, and what changes that.
type Scaling struct {
	Min      int // default 2
	Max      int // default 20
	CPU      int // percent that is aimed at; default 80
	Requests int // a minute, aimed at for each; default 600
}

// Spot says what runs on spare capacity.
type Spot struct {
	Share        int // percent of what is above OnDemandBase; default 0
	OnDemandBase int // on demand in any case; default 0
}

// Containers is the variant of Fargate tasks behind a load balancer.
type Containers struct {
	Server
	CPU    int    // units, 1024 a vCPU; default 512
	Memory int    // MB, a size that Fargate offers for CPU; default 1024
	Image  *Image // default nil: cdk deploy builds one, with a container engine
}

// Image is a container image that ECR holds, such as "pipeline image push" sends there.
type Image struct {
	Repository string // name of that in the account, and in each Region; required
	Digest     string // required
}

// The forms of an image's place. ECR's endpoints in the network let tasks pull from repositories of the stack's own account
// and Region alone, so a repository has a name here and no ARN.
var (
	imageRepositoryForm = regexp.MustCompile(`^[a-z0-9]+([._/-][a-z0-9]+)*$`)
	digestForm          = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Instances is the variant of an Auto Scaling group behind a load balancer.
type Instances struct {
	Server
	Types []string // Graviton types, the preferred first; default large of c8g, c7g, m8g and m7g
	Disk  int      // GB; default 12
}

// typeForm matches instance types with AWS's own processors: a generation, then g.
var typeForm = regexp.MustCompile(`^[a-z]+[0-9]+g[a-z]*\.[a-z0-9]+$`)

func newServer() Server {
	return Server{Scaling: Scaling{Min: 2, Max: 20, CPU: 80, Requests: 600}, LogRetention: 30}
}

// server reads the common keys beside those of the variant.
func (v value) server(s *Server, own fields) {
	own["scaling"] = func(v value) { v.scaling(&s.Scaling) }
	own["spot"] = func(v value) { v.spot(&s.Spot) }
	own["domain"] = func(v value) { v.domain(&s.Domain) }
	own["rollout"] = func(v value) { v.rollout(&s.Rollout) }
	own["logRetention"] = func(v value) { v.retention(&s.LogRetention) }
	v.object(own)
}

func (v value) scaling(s *Scaling) {
	v.object(fields{
		"min":      func(v value) { v.integer(&s.Min, 1, 1000) },
		"max":      func(v value) { v.integer(&s.Max, 1, 1000) },
		"cpu":      func(v value) { v.integer(&s.CPU, 10, 95) },
		"requests": func(v value) { v.integer(&s.Requests, 1, 1_000_000) },
	})
	if s.Max < s.Min {
		v.problem("has min %d and max %d; max must not be less", s.Min, s.Max)
	}
}

func (v value) spot(s *Spot) {
	v.object(fields{
		"share":        func(v value) { v.integer(&s.Share, 0, 100) },
		"onDemandBase": func(v value) { v.integer(&s.OnDemandBase, 0, 1000) },
	})
}

func (v value) containers() *Containers {
	c := &Containers{Server: newServer(), CPU: 512, Memory: 1024}
	v.server(&c.Server, fields{
		"cpu":    func(v value) { v.integer(&c.CPU, 256, 16384) },
		"memory": func(v value) { v.integer(&c.Memory, 512, 122880) },
		"image":  func(v value) { c.Image = v.image() },
	})
	sizes, ok := fargateSizes(c.CPU)
	switch {
	case !ok:
		v.d.problem(join(v.path, "cpu"), "is %d units; Fargate offers 256, 512, 1024, 2048, 4096, 8192 and 16384", c.CPU)
	case !slices.Contains(sizes, c.Memory):
		v.d.problem(join(v.path, "memory"), "is %d MB; with cpu: %d Fargate offers %v", c.Memory, c.CPU, sizes)
	}
	return c
}

func (v value) image() *Image {
	i := &Image{}
	v.object(fields{
		"repository": func(v value) {
			v.match(&i.Repository, imageRepositoryForm, `the name of a repository in ECR, such as "gateway"`)
		},
		"digest": func(v value) {
			v.match(&i.Digest, digestForm, "sha256: and 64 hexadecimal digits, as pipeline image push prints")
		},
	}, "repository", "digest")
	return i
}

// fargateSizes are the MB of memory that Fargate offers with a number of CPU units; false for a number it does not offer.
func fargateSizes(cpu int) ([]int, bool) {
	const gb = 1024
	if cpu == 256 {
		return []int{gb / 2, gb, 2 * gb}, true
	}
	offered := map[int][3]int{ // least, most, step
		512: {1, 4, 1}, 1024: {2, 8, 1}, 2048: {4, 16, 1}, 4096: {8, 30, 1}, 8192: {16, 60, 4}, 16384: {32, 120, 8},
	}
	o, ok := offered[cpu]
	var sizes []int
	for size := o[0]; ok && size <= o[1]; size += o[2] {
		sizes = append(sizes, size*gb)
	}
	return sizes, ok
}

func (v value) instances() *Instances {
	i := &Instances{Server: newServer(), Disk: 12}
	v.server(&i.Server, fields{
		"types": func(v value) {
			v.list(func(v value) {
				var name string
				if v.match(&name, typeForm, `a Graviton instance type, such as "c8g.large"`) {
					i.Types = append(i.Types, name)
				}
			})
		},
		"disk": func(v value) { v.integer(&i.Disk, 8, 1000) },
	})
	return i
}

// leastPings is more than which a budget must hold, or an idle timeout is no longer than what keeps it away.
const leastPings = 2

// budget holds the one stream budget, from which every timeout follows, against the limits of what is in front.
func (c checker) budget(e *Environment) {
	const path = "gateway.streamBudget"
	given := e.Gateway.StreamBudget
	if e.Serverless != nil && budget.Function(given) > budget.MostFunction {
		c.d.problem(path, "is %s; with serverless at most %s: Lambda and API Gateway end an answer after %s, and the gateway must be "+
			"the first to give up; lower it", given, budget.MostFunction-budget.Function(0), budget.MostFunction)
	}
	if given%time.Second != 0 {
		c.d.problem(path, "is %s; allowed are whole seconds, for those of AWS follow from it", given)
	}
	if given <= leastPings*e.Gateway.PingInterval {
		c.d.problem(path, "is %s, and gateway.pingInterval %s; the budget must be more than %d pings", given, e.Gateway.PingInterval, leastPings)
	}
}

// firstByte refuses one that says nothing: the budget is over before.
func (c checker) firstByte(e *Environment) {
	const path = "gateway.firstByte"
	if c.d.lines[path] != 0 && e.Gateway.FirstByte > e.Gateway.StreamBudget {
		c.d.problem(path, "is %s, and gateway.streamBudget %s, which is over before that; lower it, or remove it", e.Gateway.FirstByte, e.Gateway.StreamBudget)
	}
}

// servers holds what containers and instances need of the rest of the file.
func (c checker) servers(e *Environment) {
	if e.Audit != nil && e.Audit.DataOnly && e.Archive == nil {
		c.d.problem("audit.dataOnly", "is true, and without archive there is no data to watch; write false, or remove audit")
	}
	if e.Archive != nil && e.Containers == nil && e.Instances == nil {
		c.d.problem("archive", "is there, and neither containers nor instances: Lambda freezes a function between its requests, "+
			"so that it cannot store in the background, and its records are in its log group already; remove it")
	}
	for _, variant := range []struct {
		name  string
		there bool
	}{{"containers", e.Containers != nil}, {"instances", e.Instances != nil}} {
		if variant.there && e.Auth.Mode == AuthIAM {
			c.d.problem(variant.name, `is there, and auth.mode is "iam", which API Gateway checks and a balancer does not: `+
				`every request would be refused; add auth: with mode: keys or oidc`)
		}
	}
}
