package environment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Endpoint is where callers reach a variant in a Region, as far as a step of a delivery asks it: from outside of every
// network of ours, with an API key or with signed requests.
type Endpoint struct {
	Variant, Region string
	// Host is the name by which that Region answers and no other; empty: the output of its stack says where it is.
	Host string
	// Signed says that requests are signed, Keyed that an API key goes with them.
	Signed, Keyed bool
	// Unasked says why such a step cannot ask it; empty: it can.
	Unasked string
}

// Endpoints are those of all variants, Region by Region.
func (e Environment) Endpoints() []Endpoint {
	var all []Endpoint
	for _, region := range e.Regions {
		for _, variant := range e.Variants() {
			all = append(all, e.endpoint(variant, region))
		}
	}
	return all
}

func (e Environment) endpoint(variant, region string) Endpoint {
	p := Endpoint{Variant: variant, Region: region, Keyed: e.Auth.Mode == AuthKeys}
	domain := e.Domains()[variant+".domain"]
	if variant == settings.VariantServerless && e.Serverless.API != nil {
		domain = e.Serverless.API.Domain
		p.Signed = e.Serverless.API.Authorizer == AuthorizerIAM
	}
	if e.Failover != nil && domain != "" {
		p.Host = CheckName(region, domain)
	}
	switch {
	case variant == settings.VariantServerless && e.Serverless.API == nil:
		p.Unasked = "there is no serverless.api, and without a URL the function is only invoked"
	case e.Auth.Mode == AuthOIDC:
		p.Unasked = "auth.mode is oidc, and a token is the issuer's to give"
	case p.Signed && p.Keyed:
		p.Unasked = "serverless.api.authorizer and auth.mode ask for a signature and an API key, and the SDKs send one of them"
	case variant != settings.VariantServerless:
		p.Unasked = e.unreached(variant, domain)
	}
	return p
}

// unreached says why a balancer cannot be called from just anywhere; empty: it can.
func (e Environment) unreached(variant, domain string) string {
	switch {
	case !e.Edge.InternetFacing:
		return "its balancer has private addresses alone (edge.internetFacing)"
	case !slices.Contains(e.Edge.Callers, world):
		return fmt.Sprintf("its balancer lets in %s alone (edge.callers)", strings.Join(e.Edge.Callers, ", "))
	case domain == "":
		return fmt.Sprintf("%s.domain is missing, and no certificate can be for the balancer's own name", variant)
	}
	return ""
}
