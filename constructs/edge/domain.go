package edge

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// Domain is a name of its own for a RestApi, with a TLS policy that forward secrecy and post-quantum key exchange are
// part of. AWS's own name of the API is then shut.
type Domain struct {
	Name           string // required, as in gateway.example.com
	CertificateARN string // required; of AWS Certificate Manager, for Name, in the API's Region
	// HostedZoneID is the Route 53 zone that gets an alias record of Name. Optional: without one, the record is the
	// caller's to make, to DomainNameAliasDomainName of Api().DomainName().
	HostedZoneID string
	// Further are more names for the API, by the same certificate, such as one by which just this Region answers; each
	// gets a record where there is a zone, whatever becomes of Name's.
	Further []string
	// NoRecord leaves the record of Name to somebody else, such as failover.NewRecord. Default false.
	NoRecord bool
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
		Certificate:    r.certificate(d.CertificateARN),
		EndpointType:   awsapigateway.EndpointType_REGIONAL,
		SecurityPolicy: awsapigateway.SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09,
		// The policies of 2025 want it said. Strict: the name in the TLS handshake must be the one in the request.
		EndpointAccessMode: awsapigateway.EndpointAccessMode_STRICT,
	}
}

// certificate is the one of an ARN, as CDK knows it, once.
func (r *restApi) certificate(arn string) awscertificatemanager.ICertificate {
	if r.serves == nil {
		r.serves = awscertificatemanager.Certificate_FromCertificateArn(r, jsii.String("Certificate"), jsii.String(arn))
	}
	return r.serves
}

// record points the name at the API.
func (r *restApi) record(d *Domain) {
	if d == nil || d.HostedZoneID == "" {
		return
	}
	record := func(id, name string, domain awsapigateway.DomainName) {
		awsroute53.NewCfnRecordSet(r, jsii.String(id), &awsroute53.CfnRecordSetProps{
			Name: jsii.String(name), Type: jsii.String("A"), HostedZoneId: jsii.String(d.HostedZoneID),
			AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{
				DnsName: domain.DomainNameAliasDomainName(), HostedZoneId: domain.DomainNameAliasHostedZoneId(),
			},
		})
	}
	if !d.NoRecord {
		record("Record", d.Name, r.api.DomainName())
	}
	for i, domain := range r.further {
		record("Record-"+d.Further[i], d.Further[i], domain)
	}
}

// addFurther makes the API answer by its further names.
func (r *restApi) addFurther(d *Domain) {
	for _, name := range d.Further {
		options := d.options(r)
		options.DomainName = jsii.String(name)
		r.further = append(r.further, r.api.AddDomainName(jsii.String("Domain-"+name), options))
	}
}

func (d *Domain) check(problems *check.Problems) {
	if d == nil {
		return
	}
	d.checkName(problems)
	for _, name := range d.Further {
		problems.If(!hostName.MatchString(name) || name == d.Name, "Domain.Further: %q is no further name of a host in lower case, such as us-east-1.gateway.example.com", name)
	}
	checkCertificate(problems, "Domain.CertificateARN", d.CertificateARN)
}

func (d *Domain) checkName(problems *check.Problems) {
	problems.If(!hostName.MatchString(d.Name), "Domain.Name: is %q; give a host's name in lower case, such as gateway.example.com", d.Name)
	problems.If(d.HostedZoneID != "" && !token.In(d.HostedZoneID) && !zoneID.MatchString(d.HostedZoneID),
		"Domain.HostedZoneID: is %q; give an id such as Z0123456789ABCDEFGHIJ", d.HostedZoneID)
}
