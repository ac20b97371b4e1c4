package edge

import (
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
)

// Domain is a name of its own for a RestApi, with a TLS policy that forward secrecy and post-quantum key exchange are
// part of. AWS's own name of the API is then shut.
type Domain struct {
	Name           string // required, as in gateway.example.com
	CertificateARN string // required; of AWS Certificate Manager, for Name, in the API's Region
	// HostedZoneID is the Route 53 zone that gets an alias record of Name. Optional: without one, the record is the
	// caller's to make, to DomainNameAliasDomainName of Api().DomainName().
	HostedZoneID string
}

var (
	hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$`)
	zoneID   = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)
)

// options is the domain as CDK takes it; nil for none.
func (d *Domain) options(r *restApi) *awsapigateway.DomainNameOptions {
	if d == nil {
		return nil
	}
	return &awsapigateway.DomainNameOptions{
		DomainName:     jsii.String(d.Name),
		Certificate:    awscertificatemanager.Certificate_FromCertificateArn(r, jsii.String("Certificate"), jsii.String(d.CertificateARN)),
		EndpointType:   awsapigateway.EndpointType_REGIONAL,
		SecurityPolicy: awsapigateway.SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09,
		// The policies of 2025 want it said. Strict: the name in the TLS handshake must be the one in the request.
		EndpointAccessMode: awsapigateway.EndpointAccessMode_STRICT,
	}
}

// record points the name at the API.
func (r *restApi) record(d *Domain) {
	if d == nil || d.HostedZoneID == "" {
		return
	}
	domain := r.api.DomainName()
	awsroute53.NewCfnRecordSet(r, jsii.String("Record"), &awsroute53.CfnRecordSetProps{
		Name: jsii.String(d.Name), Type: jsii.String("A"), HostedZoneId: jsii.String(d.HostedZoneID),
		AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{
			DnsName: domain.DomainNameAliasDomainName(), HostedZoneId: domain.DomainNameAliasHostedZoneId(),
		},
	})
}

func (d *Domain) check(problems *check.Problems) {
	if d == nil {
		return
	}
	d.checkName(problems)
	checkCertificate(problems, "Domain.CertificateARN", d.CertificateARN)
}

func (d *Domain) checkName(problems *check.Problems) {
	problems.If(!hostName.MatchString(d.Name), "Domain.Name: is %q; give a host's name in lower case, such as gateway.example.com", d.Name)
	problems.If(d.HostedZoneID != "" && !strings.Contains(d.HostedZoneID, "${Token[") && !zoneID.MatchString(d.HostedZoneID),
		"Domain.HostedZoneID: is %q; give an id such as Z0123456789ABCDEFGHIJ", d.HostedZoneID)
}
