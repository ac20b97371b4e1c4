package iam_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// keyPrincipal is the account of whoever signed a request; an unsigned one has none.
const keyPrincipal = "aws:PrincipalAccount"

// TestEndpointsPassExactlyWhatIsCalled holds the policy of each VPC endpoint to what every variant in its network sends
// through it.
func TestEndpointsPassExactlyWhatIsCalled(t *testing.T) {
	for _, network := range built.assembly.Stacks {
		stage, isNetwork := strings.CutSuffix(network.ID, "/network")
		if !isNetwork {
			continue
		}
		t.Run(network.ID, func(t *testing.T) {
			needs := passages(t, stage)
			for _, endpoint := range network.ByType("AWS::EC2::VPCEndpoint") {
				service, document := serviceOf(t, network, endpoint), endpoint.Properties["PolicyDocument"]
				t.Run(service, func(t *testing.T) {
					p, err := policy.Parse(endpoint.LogicalID, document, resolver(network))
					if err != nil {
						t.Fatal(err)
					}
					contract{network.ID + "/" + service, []policy.Policy{p}, needs[service]}.hold(t, "")
				})
				delete(needs, service)
			}
			for service, without := range needs {
				t.Errorf("there is no endpoint of %s, and %s would pass it", service, without[0].by)
			}
		})
	}
}

// serviceOf is the last part of the name of an endpoint's service.
func serviceOf(t *testing.T, network *assembly.Stack, endpoint assembly.Resource) string {
	t.Helper()
	name, err := policy.Text(endpoint.Properties["ServiceName"], resolver(network))
	service, ok := strings.CutPrefix(name, "com.amazonaws."+network.Region+".")
	if err != nil || !ok {
		t.Fatalf("%s: %q is no service of %s (%v)", endpoint.LogicalID, name, network.Region, err)
	}
	return service
}

// passages are the requests of a stage's variants that pass endpoints, by the endpoint's service.
func passages(t *testing.T, stage string) map[string][]need {
	t.Helper()
	all := map[string][]need{}
	for _, s := range subjects(t) {
		if !strings.HasPrefix(s.stack.ID, stage+"/") || !s.told.vpc {
			continue
		}
		asked := s.asked(t)
		signed := programNeeds(t, s, observed(t, s))
		for _, r := range asked.roles {
			signed = append(signed, r.needs...)
		}
		for _, n := range signed {
			for _, service := range n.through {
				all[service] = append(all[service], signedPassage(n, service, s.stack.Account))
			}
		}
		for _, n := range asked.unsigned {
			for _, service := range n.through {
				all[service] = append(all[service], need{Request: n.Request, by: n.by, never: nearPassage(n, service)})
			}
		}
	}
	return all
}

// signedPassage is a need as its endpoint sees it: with the account of whoever signed it.
func signedPassage(n need, service, account string) need {
	from := func(r policy.Request, account string) policy.Request {
		r.Context = maps.Clone(r.Context)
		r.Context[keyPrincipal] = []string{account}
		return r
	}
	passage := need{Request: from(n.Request, account), by: n.by, never: []forbidden{
		{"another account's principal", from(n.Request, account+"-other")},
		{"an unsigned request", n.Request},
	}}
	for _, f := range nearPassage(n, service) {
		passage.never = append(passage.never, forbidden{f.why, from(f.Request, account)})
	}
	return passage
}

// exact are the services whose endpoints tell as much apart as the roles do. The others leave that to the roles: they know
// neither the log groups nor the repositories of stacks that are deployed after the network.
var exact = []string{throughSecrets, throughFormation}

// ofAnotherProfile tells of a request that differs from a need in which of the account's application inference profiles in
// the Region it names: they are made after the network too, so that its endpoint passes all of them.
func ofAnotherProfile(f forbidden) bool {
	folder := func(arn string) string { return arn[:strings.LastIndexByte(arn, '/')+1] }
	beside := func(arn string) bool {
		if _, called := built.profiles[arn]; called {
			return false
		}
		for made := range built.profiles {
			if folder(made) == folder(arn) {
				return true
			}
		}
		return false
	}
	return beside(f.Resource) || slices.ContainsFunc(f.Context[keyProfile], beside)
}

// nearPassage are the neighbours of a need that its endpoint must not let through.
func nearPassage(n need, service string) []forbidden {
	switch {
	case service == throughBedrock:
		return slices.DeleteFunc(slices.Clone(n.never), ofAnotherProfile)
	case slices.Contains(exact, service):
		return n.never
	case service == throughS3:
		bucket, key, _ := strings.Cut(n.Resource, "/")
		return []forbidden{{"another bucket", policy.Request{Action: n.Action, Resource: bucket + "-other/" + key, Context: n.Context}}}
	}
	for _, kind := range []string{":log-group:", ":repository/"} {
		if resource := strings.Replace(n.Resource, kind, ":other"+kind[len(kind)-1:], 1); resource != n.Resource {
			return []forbidden{{"another kind of resource", policy.Request{Action: n.Action, Resource: resource, Context: n.Context}}}
		}
	}
	return nil
}

// TestCallsToAnotherRegionHaveAWay finds calls that no endpoint of the network takes, where it has no NAT gateway.
func TestCallsToAnotherRegionHaveAWay(t *testing.T) {
	for _, s := range subjects(t) {
		if !s.told.vpc {
			continue
		}
		stage, _, _ := strings.Cut(s.stack.ID, "/")
		network, err := built.assembly.Stack(stage + "/network")
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range observed(t, s) {
			if call.region != s.stack.Region && len(network.ByType("AWS::EC2::NatGateway")) == 0 {
				t.Errorf("%s: %s, and the network has endpoints of %s alone and no NAT gateway", s.stack.ID, fmt.Sprint(call), s.stack.Region)
			}
		}
	}
}
