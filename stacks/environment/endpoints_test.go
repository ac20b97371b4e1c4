package environment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// public is what balancers need that anybody may call, but for their names.
const public = `account: "111111111111"
regions: [us-east-1]
network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}
edge:
  internetFacing: true
  callers: [0.0.0.0/0]
  openReason: callers of every customer show API keys here
  certificates: {us-east-1: "arn:aws:acm:us-east-1:111111111111:certificate/1"}
`

func TestWhatAStepOfADeliveryCanAsk(t *testing.T) {
	const (
		serverless, containers, instances = "serverless", "containers", "instances"
		east                              = "us-east-1"
		head                              = "account: \"111111111111\"\nregions: [us-east-1]\n"
		private                           = "network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}\n" +
			"edge: {callers: [10.0.0.0/8], certificates: {us-east-1: \"arn:aws:acm:us-east-1:111111111111:certificate/1\"}}\n"
		some = "network: {zones: {us-east-1: [us-east-1a, us-east-1b]}}\n" +
			"edge: {internetFacing: true, callers: [198.51.100.0/24, 203.0.113.0/24], certificates: {us-east-1: \"arn:aws:acm:us-east-1:111111111111:certificate/1\"}}\n"
		keys = "auth: {mode: keys}\n"
	)
	for _, tt := range []struct {
		name, text string
		want       []environment.Endpoint
	}{
		{"signed", head + "serverless: {api: {}}\n", []environment.Endpoint{{Variant: serverless, Region: east, Signed: true}}},
		{"no API", head + "serverless: {}\n", []environment.Endpoint{{Variant: serverless, Region: east,
			Unasked: "there is no serverless.api, and without a URL the function is only invoked"}}},
		{"both", head + keys + "serverless: {api: {}}\n", []environment.Endpoint{{Variant: serverless, Region: east, Signed: true, Keyed: true,
			Unasked: "serverless.api.authorizer and auth.mode ask for a signature and an API key, and the SDKs send one of them"}}},
		{"everything", public + keys + "serverless: {api: {authorizer: none}}\ncontainers: {domain: c.example.com}\ninstances: {}\n", []environment.Endpoint{
			{Variant: serverless, Region: east, Keyed: true},
			{Variant: containers, Region: east, Keyed: true},
			{Variant: instances, Region: east, Keyed: true, Unasked: "instances.domain is missing, and no certificate can be for the balancer's own name"},
		}},
		{"private", head + private + keys + "containers: {domain: c.example.com}\n", []environment.Endpoint{{Variant: containers, Region: east, Keyed: true,
			Unasked: "its balancer has private addresses alone (edge.internetFacing)"}}},
		{"some callers", head + some + keys + "instances: {domain: c.example.com}\n", []environment.Endpoint{{Variant: instances, Region: east, Keyed: true,
			Unasked: "its balancer lets in 198.51.100.0/24, 203.0.113.0/24 alone (edge.callers)"}}},
		{"tokens", head + "auth: {mode: oidc, issuer: \"https://issuer.example.com\", audience: a}\nserverless: {api: {authorizer: none}}\n",
			[]environment.Endpoint{{Variant: serverless, Region: east, Unasked: "auth.mode is oidc, and a token is the issuer's to give"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "dev.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			e, err := environment.Load(file, today)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, e.Endpoints()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEachRegionIsAskedByItsOwnName takes prod, whose domains lead to a healthy Region, whichever that is.
func TestEachRegionIsAskedByItsOwnName(t *testing.T) {
	e, err := environment.Load(filepath.Join(shipped, "prod.yaml"), today)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range e.Endpoints() {
		got = append(got, p.Host)
	}
	want := []string{
		"us-east-1.lambda.gateway.example.com", "us-east-1.containers.gateway.example.com", "us-east-1.instances.gateway.example.com",
		"us-west-2.lambda.gateway.example.com", "us-west-2.containers.gateway.example.com", "us-west-2.instances.gateway.example.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
