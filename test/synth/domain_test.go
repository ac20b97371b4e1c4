package synth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/constructs/compute"
	"github.com/genai-pipeline/genai-pipeline/constructs/edge"
)

func TestRestApiWithDomainAndFirewall(t *testing.T) {
	app, stack, out := benchIn(t, "us-east-1")
	gateway := compute.NewFunction(stack, "Gateway", least(t))
	api := edge.NewRestApi(stack, "Edge", edge.RestApiProps{
		Handler:  gateway.Alias(),
		Domain:   &edge.Domain{Name: "gateway.example.com", CertificateARN: certificate, HostedZoneID: "Z0123456789ABCDEFGHIJ"},
		Firewall: &edge.WebACLProps{},
	})
	if got := *api.Url(); got != "https://gateway.example.com/" {
		t.Errorf("URL is %s", got)
	}
	tp := benchTemplate(t, app, out)
	domain := tp.only(t, "AWS::ApiGateway::DomainName").Properties
	want := map[string]any{"DomainName": "gateway.example.com", "SecurityPolicy": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "EndpointAccessMode": "STRICT",
		"RegionalCertificateArn": certificate, "EndpointConfiguration": map[string]any{"Types": []any{"REGIONAL"}}}
	if diff := cmp.Diff(want, domain); diff != "" {
		t.Error(diff)
	}
	if got := tp.only(t, "AWS::ApiGateway::RestApi").Properties["DisableExecuteApiEndpoint"]; got != true {
		t.Errorf("AWS's own name is open: %v", got)
	}
	record := tp.only(t, "AWS::Route53::RecordSet").Properties
	if record["Name"] != "gateway.example.com" || record["Type"] != "A" || !strings.Contains(compact(t, record["AliasTarget"]), "RegionalDomainName") {
		t.Errorf("record: %v", record)
	}
	association := compact(t, tp.only(t, "AWS::WAFv2::WebACLAssociation").Properties["ResourceArn"])
	if !strings.Contains(association, "/restapis/") || !strings.Contains(association, "/stages/") {
		t.Errorf("the web ACL protects something else: %s", association)
	}
	if mapping := tp.only(t, "AWS::ApiGateway::BasePathMapping").Properties; mapping["BasePath"] != nil {
		t.Errorf("the domain has a base path: %v", mapping)
	}
}

func TestRestApiRefusesBadDomains(t *testing.T) {
	_, stack, _ := benchIn(t, "us-east-1")
	gateway := compute.NewFunction(stack, "Gateway", least(t))
	refused(t, []string{`edge.NewRestApi("Edge"): 4 problems`, `Domain.Name: is "Gateway"`, "Domain.CertificateARN: is empty",
		`Domain.HostedZoneID: is "example.com"`, "Firewall.RequestsPerIP: is 1"}, func() {
		edge.NewRestApi(stack, "Edge", edge.RestApiProps{Handler: gateway.Alias(),
			Domain: &edge.Domain{Name: "Gateway", HostedZoneID: "example.com"}, Firewall: &edge.WebACLProps{RequestsPerIP: 1}})
	})
}
