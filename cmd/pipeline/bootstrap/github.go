package bootstrap

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// GitHubRole is the name of the role that workflows of a repository take in the account of an environment, by the token
// that GitHub makes for a run.
func GitHubRole(e environment.Environment) string { return "github-" + e.Name }

// The issuer of GitHub's tokens, and whom they are for.
const (
	issuer   = "token.actions.githubusercontent.com"
	audience = "sts.amazonaws.com"
)

// session is how long the role may be taken for, in seconds: as long as deploy.yml asks for at most.
const session = 10800

var repositoryForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}$`)

// statement is one of a policy's.
type statement struct {
	Sid       string            `json:",omitempty"`
	Effect    string            // Allow
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func document(statements ...statement) ([]byte, error) {
	return json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements}, "", "  ")
}

// GitHubTrust lets runs of a repository, owner/name, take the role: those of the GitHub environment of the same name, and
// no others. Who may run there GitHub decides, by that environment's reviewers and branches.
func (p Plan) GitHubTrust(repository string) ([]byte, error) {
	if !repositoryForm.MatchString(repository) {
		return nil, fmt.Errorf("-github is %q; give a repository as owner/name", repository)
	}
	return document(statement{
		Effect:    "Allow",
		Principal: map[string]string{"Federated": "arn:aws:iam::" + p.Environment.Account + ":oidc-provider/" + issuer},
		Action:    []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: map[string]map[string]string{"StringEquals": {
			issuer + ":aud": audience, issuer + ":sub": "repo:" + repository + ":environment:" + p.Environment.Name,
		}},
	})
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,256}$`)

// GitHubPolicy is what the role may do: take the roles of CDK's bootstrap in the environment's own Regions. Where the suite
// asks what is deployed, which it does of no production environment, the role also finds that, calls the API that is behind
// IAM, and reads the secret that holds nothing but an API key, if one is named.
func (p Plan) GitHubPolicy(keySecret string) ([]byte, error) {
	e := p.Environment
	regions := slices.Clone(e.Regions)
	if e.HasGlobal() && !slices.Contains(regions, globalRegion) {
		regions = append(regions, globalRegion)
	}
	deploys := statement{Sid: "Deploy", Effect: "Allow", Action: []string{"sts:AssumeRole"}}
	for _, region := range regions {
		for _, kind := range []string{"deploy", "file-publishing", "image-publishing", "lookup"} {
			deploys.Resource = append(deploys.Resource, fmt.Sprintf("arn:aws:iam::%s:role/cdk-hnb659fds-%s-role-%[1]s-%[3]s", e.Account, kind, region))
		}
	}
	finds := statement{Sid: "FindTheEndpoints", Effect: "Allow", Action: []string{"cloudformation:DescribeStacks"}}
	calls := statement{Sid: "CallTheAPI", Effect: "Allow", Action: []string{"execute-api:Invoke"}}
	reads := statement{Sid: "ReadTheKey", Effect: "Allow", Action: []string{"secretsmanager:GetSecretValue"}}
	for _, at := range p.asked() {
		in := at.Region + ":" + e.Account + ":"
		if at.Host == "" {
			finds.Resource = append(finds.Resource, "arn:aws:cloudformation:"+in+"stack/"+e.StageName(at.Region)+"-"+at.Variant+"/*")
		}
		if at.Signed {
			calls.Resource = append(calls.Resource, "arn:aws:execute-api:"+in+"*/live/GET/*", "arn:aws:execute-api:"+in+"*/live/POST/v1/*")
		}
		if at.Keyed {
			reads.Resource = append(reads.Resource, "arn:aws:secretsmanager:"+in+"secret:"+keySecret+"-??????")
		}
	}
	reads.Resource = slices.Compact(reads.Resource)
	switch {
	case keySecret == "":
		reads.Resource = nil
	case !secretForm.MatchString(keySecret):
		return nil, fmt.Errorf("-key-secret is %q; give the name of a secret: 1 to 256 letters, digits and /_+=.@-", keySecret)
	case reads.Resource == nil:
		return nil, fmt.Errorf("-key-secret is %q, and nothing of %s is asked with an API key; leave it out", keySecret, e.Name)
	}
	return document(slices.DeleteFunc([]statement{deploys, finds, calls, reads}, func(s statement) bool { return s.Resource == nil })...)
}

// asked are the endpoints that a workflow asks after it has deployed the environment.
func (p Plan) asked() []environment.Endpoint {
	if p.Environment.Production {
		return nil
	}
	return slices.DeleteFunc(p.Environment.Endpoints(), func(at environment.Endpoint) bool { return at.Unasked != "" })
}

// WriteGitHub prints the commands that make the role, with its documents in files of the folder given.
func (p Plan) WriteGitHub(w io.Writer, dir string) error {
	role := GitHubRole(p.Environment)
	file := func(what string) string { return filepath.ToSlash(filepath.Join(dir, role+"-"+what+".json")) }
	_, err := fmt.Fprintf(w, `
# What GitHub's workflows take, by the tokens of their GitHub environment %[1]s; its ARN is that environment's variable ROLE_ARN.
aws iam get-open-id-connect-provider --open-id-connect-provider-arn arn:aws:iam::%[2]s:oidc-provider/%[3]s >/dev/null ||
  aws iam create-open-id-connect-provider --url https://%[3]s --client-id-list %[4]s
aws iam create-role --role-name %[5]s --max-session-duration %[6]d --assume-role-policy-document file://%[7]s ||
  aws iam update-assume-role-policy --role-name %[5]s --policy-document file://%[7]s
aws iam put-role-policy --role-name %[5]s --policy-name deploy --policy-document file://%[8]s
`, p.Environment.Name, p.Environment.Account, issuer, audience, role, session, file("trust"), file("policy"))
	return err
}
