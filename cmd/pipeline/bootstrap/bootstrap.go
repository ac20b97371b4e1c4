// Package bootstrap says with which commands an account is made ready for deployments: once for each account and Region,
// by a person who may do so. It runs none of them.
//
// It must not know CDK, only the command line's flags.
package bootstrap

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

//go:embed policy.json
var policy []byte

// globalRegion has what belongs to no Region.
const globalRegion = "us-east-1"

// Plan is what makes the account of an environment ready.
type Plan struct {
	Environment environment.Environment
	Regions     []string // in which something is deployed, sorted
	Trust       string   // account whose pipeline deploys from outside; empty where there is none
	Prefixes    []string // of the names of stacks, and so of the roles in them
}

// Of plans for the account of an environment, with those of the others in the delivery file that are in the same account:
// an account has one bootstrap for all. The pipeline's account is trusted, and the account that it runs in itself is made
// ready in every Region it deploys to, for it keeps a copy of its artifacts there. Without a delivery file, d is nil.
func Of(e environment.Environment, d *environment.Delivery) Plan {
	p := Plan{Environment: e}
	p.add(e)
	if d != nil && d.Account() != e.Account {
		p.Trust = d.Account()
	}
	if d != nil {
		for _, other := range d.All() {
			if other.Account == e.Account || d.Account() == e.Account {
				p.add(other)
			}
		}
	}
	if d != nil && d.Account() == e.Account {
		p.Prefixes = append(p.Prefixes, environment.DeliveryStack+"-")
	}
	slices.Sort(p.Prefixes)
	p.Prefixes = slices.Compact(p.Prefixes)
	slices.Sort(p.Regions)
	p.Regions = slices.Compact(p.Regions)
	return p
}

// add takes in where an environment is deployed, and what its roles are called, if they are in the account.
func (p *Plan) add(e environment.Environment) {
	p.Regions = append(p.Regions, e.Regions...)
	if e.HasGlobal() {
		p.Regions = append(p.Regions, globalRegion)
	}
	if e.Account == p.Environment.Account {
		p.Prefixes = append(p.Prefixes, e.Name+"-")
	}
}

// PolicyName is the name of the policy that CloudFormation is given in an account.
const PolicyName = "genai-pipeline-deploy"

func (p Plan) policyARN() string {
	return "arn:aws:iam::" + p.Environment.Account + ":policy/" + PolicyName
}

// Policy is the document of that policy: the services of the templates, and of IAM only roles whose names begin as the
// stacks' do. AdministratorAccess, which cdk bootstrap gives by default, also allows users, the organization, billing and
// every other role.
func (p Plan) Policy() ([]byte, error) {
	var document struct {
		Version   string
		Statement []map[string]any
	}
	if err := json.Unmarshal(policy, &document); err != nil {
		return nil, err
	}
	account := "arn:aws:iam::" + p.Environment.Account + ":"
	var own, roles []string
	for _, prefix := range p.Prefixes {
		roles = append(roles, account+"role/"+prefix+"*")
		own = append(own, account+"role/"+prefix+"*", account+"instance-profile/"+prefix+"*")
	}
	for _, s := range document.Statement {
		switch s["Sid"] {
		case "RolesOfTheStacks":
			s["Resource"] = own
		case "AttachOfAwsForCodeDeployAlone":
			s["Resource"] = roles
		case "RolesThatServicesMakeForThemselves":
			s["Resource"] = account + "role/aws-service-role/*"
		}
	}
	return json.MarshalIndent(document, "", "  ")
}

// Write prints a shell script that makes the account ready, with the policy's document in a file of the folder given.
func (p Plan) Write(w io.Writer, dir string) error {
	file := filepath.ToSlash(filepath.Join(dir, PolicyName+".json"))
	_, err := fmt.Fprintf(w, `set -e
# Environment %s, with credentials of account %s. The AWS command line asks for some Region even for what belongs to none.
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-%[7]s}"
test "$(aws sts get-caller-identity --query Account --output text)" = %[2]s

# What CloudFormation may do there: the services of the templates, and roles named %s. That keeps a template from
# users, billing, the organization and other people's roles; whoever may change templates can still give those roles anything.
aws iam create-policy --policy-name %s --policy-document file://%s ||
  aws iam create-policy-version --policy-arn %s --set-as-default --policy-document file://%[5]s
`, p.Environment.Name, p.Environment.Account, list(p.Prefixes), PolicyName, file, p.policyARN(), p.Environment.Regions[0])
	if err != nil {
		return err
	}
	trust := ""
	if p.Trust != "" {
		trust = " --trust " + p.Trust
		_, err = fmt.Fprintf(w, "\n# Account %s has the pipeline that deploys here.\n", p.Trust)
	} else {
		_, err = fmt.Fprintln(w)
	}
	for _, region := range p.Regions {
		if err == nil {
			// Without our app, which would ask for an environment to synthesize.
			_, err = fmt.Fprintf(w, "cdk --app '' bootstrap aws://%s/%s%s --cloudformation-execution-policies %s --termination-protection\n",
				p.Environment.Account, region, trust, p.policyARN())
		}
	}
	return err
}

func list(prefixes []string) string {
	text := ""
	for i, prefix := range prefixes {
		if i > 0 {
			text += " and "
		}
		text += prefix + "*"
	}
	return text
}
