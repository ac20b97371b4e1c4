package drill

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/apigateway"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge/budget"
	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// site is one Region, as its templates describe it.
type site struct {
	stack     *assembly.Stack
	runs      string              // id of the resource that runs the program
	told      map[string]string   // variables of the program
	budget    time.Duration       // that an answer may take
	silent    time.Duration       // that a stream may say nothing
	firstByte time.Duration       // until one has failed by that at every target
	server    assembly.Server     // behind a balancer
	functions []assembly.Function // behind an API instead
	name      string              // that fails over
	role      string              // PRIMARY or SECONDARY; empty: callers are shared
	weight    int                 // the Region's share of the sum; 0: callers are not shared
	checkHost string              // by which just this Region answers
	check     recovery.Check
	keepAlive time.Duration // of a client's connection
	idle      time.Duration // without a byte of an answer
	bucket    string        // of usage records; empty: none
	flush     time.Duration // until they are stored
	copied    bool          // whether S3 copies the bucket to another Region
}

// The values of a record's Failover.
const (
	primary   = "PRIMARY"
	secondary = "SECONDARY"
)

// The types of resources that are read.
const (
	typeRecord   = "AWS::Route53::RecordSet"
	typeCheck    = "AWS::Route53::HealthCheck"
	typeBalancer = "AWS::ElasticLoadBalancingV2::LoadBalancer"
	typeBucket   = "AWS::S3::Bucket"
	typeAPI      = "AWS::ApiGateway::RestApi"
)

// readSites finds the two Regions of a variant, the primary first.
func readSites(a *assembly.Assembly, variant string) ([2]site, error) {
	var sites []site
	var problems []error
	for _, stack := range a.Stacks {
		if !strings.HasSuffix(stack.ID, "/"+variant) {
			continue
		}
		for _, r := range stack.ByType(typeRecord) {
			if r.Properties["Failover"] == nil && r.Properties["Weight"] == nil {
				continue
			}
			s, err := readSite(a, stack, r)
			sites, problems = append(sites, s), append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return [2]site{}, err
	}
	slices.SortFunc(sites, func(a, b site) int {
		return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.stack.Region, b.stack.Region))
	})
	if len(sites) != 2 || sites[0].name != sites[1].name || !sites[0].stands(primary) || !sites[1].stands(secondary) {
		return [2]site{}, fmt.Errorf("%s: the stacks */%s have %d records that fail over; a drill wants two of one name, a primary and a secondary, or two with weights: "+
			"an environment with failover and a domain for %[2]s", a.Dir, variant, len(sites))
	}
	return [2]site(sites), nil
}

// stands tells whether the record has the role, or shares callers.
func (s site) stands(role string) bool { return s.role == role || s.role == "" && s.weight > 0 }

func readSite(a *assembly.Assembly, stack *assembly.Stack, record assembly.Resource) (site, error) {
	s := site{stack: stack}
	read := s.readServer
	if len(stack.ByType(typeAPI)) > 0 {
		read = s.readAPI
	}
	if err := read(); err != nil {
		return site{}, err
	}
	told, err := settings.Load(func(name string) string { return s.told[name] })
	if err != nil {
		return site{}, fmt.Errorf("stack %s, resource %s: %w", stack.ID, s.runs, err)
	}
	s.bucket, s.budget, s.silent, s.firstByte = told.Archive.Bucket, told.RequestTimeout, told.FirstByte, told.FirstByteAtWorst()
	var problems []error
	text := func(r assembly.Resource, path ...string) string {
		value, err := stack.String(r, path...)
		problems = append(problems, err)
		return value
	}
	s.name, s.role = text(record, "Name"), text(record, "Failover")
	if record.Properties["Weight"] != nil {
		s.weight, err = stack.Int(record, "Weight")
		problems = append(problems, err)
	}
	id, _, _ := assembly.Reference(record.Properties["HealthCheckId"])
	check, ok := stack.Resources[id]
	if !ok || check.Type != typeCheck {
		return s, fmt.Errorf("stack %s, resource %s: follows no health check of the stack", stack.ID, record.LogicalID)
	}
	const config = "HealthCheckConfig"
	if kind := text(check, config, "Type"); kind != "HTTPS" {
		return s, fmt.Errorf("stack %s, resource %s: is of the type %q; a drill has checkers that ask, of type HTTPS", stack.ID, check.LogicalID, kind)
	}
	s.checkHost, s.check.Path = text(check, config, "FullyQualifiedDomainName"), text(check, config, "ResourcePath")
	seconds, err := stack.Int(check, config, "RequestInterval")
	problems = append(problems, err)
	s.check.Interval = time.Duration(seconds) * time.Second
	s.check.Failures, err = stack.Int(check, config, "FailureThreshold")
	problems = append(problems, err)
	if s.bucket != "" {
		problems = append(problems, s.readArchive(a))
	}
	return s, errors.Join(problems...)
}

// readAPI reads the functions behind the API, and how long it waits for them. How long clients keep a connection no
// template says: as long as they are told, which is what a balancer would let them.
func (s *site) readAPI() error {
	apis, err := apigateway.Read(s.stack)
	if err != nil {
		return err
	}
	if len(apis) != 1 {
		return fmt.Errorf("stack %s: has %d APIs; a drill wants one", s.stack.ID, len(apis))
	}
	functions, err := s.stack.Functions()
	if err != nil {
		return err
	}
	for _, f := range functions {
		if slices.ContainsFunc(apis[0].Routes, func(r apigateway.Route) bool { return r.Function == f.LogicalID }) {
			s.functions, s.told, s.runs = append(s.functions, f), f.Environment, f.LogicalID
		}
	}
	for _, route := range apis[0].Routes {
		if route.Streams { // those that ask a model
			s.idle = max(s.idle, route.Timeout)
		}
	}
	s.keepAlive = budget.BalancerKeepAlive
	return nil
}

// readServer reads the one server, and how long connections to its balancer live.
func (s *site) readServer() error {
	servers, err := s.stack.Servers()
	if err != nil {
		return err
	}
	if len(servers) != 1 {
		return fmt.Errorf("stack %s: has %d servers; a drill runs one", s.stack.ID, len(servers))
	}
	s.server, s.told, s.runs = servers[0], servers[0].Environment, servers[0].LogicalID
	balancers := s.stack.ByType(typeBalancer)
	if len(balancers) != 1 {
		return fmt.Errorf("stack %s: has %d load balancers; a drill wants one", s.stack.ID, len(balancers))
	}
	told := map[string]time.Duration{}
	attributes, _ := balancers[0].Properties["LoadBalancerAttributes"].([]any)
	for _, item := range attributes {
		attribute, _ := item.(map[string]any)
		key, _ := attribute["Key"].(string)
		text, _ := attribute["Value"].(string)
		if seconds, err := strconv.Atoi(text); err == nil {
			told[key] = time.Duration(seconds) * time.Second
		}
	}
	s.keepAlive, s.idle = told["client_keep_alive.seconds"], told["idle_timeout.timeout_seconds"]
	if s.keepAlive <= 0 || s.idle <= 0 {
		return fmt.Errorf("stack %s, resource %s: must say client_keep_alive.seconds and idle_timeout.timeout_seconds", s.stack.ID, balancers[0].LogicalID)
	}
	return nil
}

// readArchive reads when usage records are stored, and whether they are copied.
func (s *site) readArchive(a *assembly.Assembly) error {
	var err error
	if s.flush, err = time.ParseDuration(s.told[settings.EnvArchiveInterval]); err != nil {
		return fmt.Errorf("stack %s, resource %s: %s: %w", s.stack.ID, s.runs, settings.EnvArchiveInterval, err)
	}
	for _, stack := range a.Stacks {
		for _, bucket := range stack.ByType(typeBucket) {
			// By the name that a program's environment has it under.
			named := assembly.Resource{LogicalID: bucket.LogicalID, Properties: map[string]any{"Name": map[string]any{"Ref": bucket.LogicalID}}}
			if name, err := stack.String(named, "Name"); err == nil && name == s.bucket {
				s.copied = bucket.Properties["ReplicationConfiguration"] != nil
				return nil
			}
		}
	}
	return fmt.Errorf("stack %s, resource %s: no stack has the bucket %s", s.stack.ID, s.runs, s.bucket)
}

// Plan is what the recovery time of a variant follows from, by its templates.
func Plan(a *assembly.Assembly, variant string) (recovery.Plan, error) {
	sites, err := readSites(a, variant)
	return sites[0].recovery(), err
}

// hasten tells the program of the drill's clock what the recovery follows from: how long it waits for Bedrock, and how far back
// it looks to judge it. In real time it is told what the template says.
func (s *site) hasten(c clock) {
	if c.speed == 1 {
		return
	}
	sooner := map[string]string{
		settings.EnvRequestTimeout: c.told(s.budget).String(), settings.EnvFirstByte: c.told(s.silent).String(),
		settings.EnvHealthWindow: c.told(endpoint.HealthWindow).String(),
	}
	s.told = maps.Clone(s.told)
	maps.Copy(s.told, sooner)
	s.server.Environment = s.told
	for i := range s.functions {
		own := maps.Clone(s.functions[i].Environment)
		maps.Copy(own, sooner)
		s.functions[i].Environment = own
	}
}

// recovery is what the recovery time follows from. The templates do not say how long the other Region needs to grow, and
// here it need not.
func (s site) recovery() recovery.Plan {
	return recovery.Plan{Check: s.check, KeepAlive: s.keepAlive, Silence: s.idle, FirstByte: s.firstByte}.Filled()
}
