package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	prepare "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/bootstrap"
	remove "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/empty"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// chosen adds the flags that name an environment, and returns what loads it once they are parsed. It refuses the one that
// no account is behind: whoever asks here, is about to ask AWS.
func chosen(flags *flag.FlagSet) (load func() (environment.Environment, error), folder *string) {
	folder = flags.String("folder", "environments", "folder of the environment files")
	name := flags.String("environment", "dev", "name of the environment")
	return func() (environment.Environment, error) {
		all, err := environment.LoadNamed(*folder, []string{*name}, time.Now())
		if err != nil {
			return environment.Environment{}, err
		}
		if all[0].Account == settings.LocalAccount {
			return environment.Environment{}, fmt.Errorf("%s is not for deploying: no AWS account has the number %s; make up runs it on this machine", *name, settings.LocalAccount)
		}
		return all[0], nil
	}, folder
}

// steps prints what to deploy one after the other, or to destroy.
func steps(_ context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	load, _ := chosen(flags)
	destroy := flags.Bool("destroy", false, "in the order to destroy them; refuses a production environment")
	if err := parse(flags, args); err != nil {
		return err
	}
	e, err := load()
	if err != nil {
		return err
	}
	list := e.Steps()
	if *destroy {
		if e.Production {
			return remove.Refusal(e)
		}
		slices.Reverse(list)
	}
	_, err = fmt.Fprintln(stdout, strings.Join(list, "\n"))
	return err
}

// endpoints prints for .ci/ask what a step of a delivery asks, and what it cannot ask and why: a line each, with tabs.
func endpoints(_ context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	load, _ := chosen(flags)
	region := flags.String("region", "", "one of the environment's Regions; default: all")
	if err := parse(flags, args); err != nil {
		return err
	}
	e, err := load()
	if err != nil {
		return err
	}
	if *region != "" && !slices.Contains(e.Regions, *region) {
		return fmt.Errorf("-region is %q, and the Regions of %s are %s", *region, e.Name, strings.Join(e.Regions, ", "))
	}
	for _, p := range e.Endpoints() {
		fields := []string{"ask", p.Region, p.Variant, e.StageName(p.Region) + "-" + p.Variant, credential(p), p.Host}
		if p.Unasked != "" {
			fields = []string{"not", p.Region, p.Variant, p.Unasked}
		}
		if *region != "" && *region != p.Region {
			continue
		}
		if _, err := fmt.Fprintln(stdout, strings.Join(fields, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// credential says how callers are known at an endpoint.
func credential(p environment.Endpoint) string {
	switch {
	case p.Signed:
		return "signature"
	case p.Keyed:
		return "key"
	}
	return "none"
}

// bootstrap prints the commands that make an environment's account ready, and writes the policy they name.
func bootstrap(_ context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	load, folder := chosen(flags)
	file := flags.String("delivery", "", "delivery file, whose pipeline's account is trusted; default: there is none")
	github := flags.String("github", "", "repository as owner/name, whose workflows deploy: the role that they take is made too; default: none is")
	keySecret := flags.String("key-secret", "", "with -github: name of a secret of the environment's account that holds nothing but an API key, for .ci/ask; default: none")
	out := flags.String("out", filepath.Join(".build", "bootstrap"), "folder to write the policy to")
	if err := parse(flags, args); err != nil {
		return err
	}
	e, err := load()
	if err != nil {
		return err
	}
	var delivery *environment.Delivery
	if *file != "" {
		d, err := environment.LoadDelivery(*file, *folder, time.Now())
		if err != nil {
			return err
		}
		delivery = &d
	}
	plan := prepare.Of(e, delivery)
	policy, err := plan.Policy()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(*out, prepare.PolicyName+".json"), policy, 0o644); err != nil {
		return err
	}
	if *github == "" {
		if *keySecret != "" {
			return fmt.Errorf("-key-secret is %q, and -github is missing: the role of a repository's workflows reads it", *keySecret)
		}
		return plan.Write(stdout, *out)
	}
	return errors.Join(writeGitHub(plan, *github, *keySecret, *out), plan.Write(stdout, *out), plan.WriteGitHub(stdout, *out))
}

// writeGitHub writes the documents of the role that a repository's workflows take.
func writeGitHub(plan prepare.Plan, repository, keySecret, out string) error {
	trust, err := plan.GitHubTrust(repository)
	if err != nil {
		return err
	}
	policy, err := plan.GitHubPolicy(keySecret)
	if err != nil {
		return err
	}
	role := filepath.Join(out, prepare.GitHubRole(plan.Environment))
	return errors.Join(os.WriteFile(role+"-trust.json", trust, 0o644), os.WriteFile(role+"-policy.json", policy, 0o644))
}

// empty deletes what is in the buckets of an environment, or says what it would delete.
func empty(ctx context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	load, _ := chosen(flags)
	confirm := flags.String("confirm", "", "the environment's name once more; default: nothing is deleted, only listed")
	if err := parse(flags, args); err != nil {
		return err
	}
	e, err := load()
	if err != nil {
		return err
	}
	if e.Production {
		return remove.Refusal(e)
	}
	if *confirm != "" && *confirm != e.Name {
		return fmt.Errorf("-confirm is %q and -environment %q; they must be the same", *confirm, e.Name)
	}
	for _, region := range e.Regions {
		found, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
		if err != nil {
			return err
		}
		if err := emptyRegion(ctx, s3.NewFromConfig(found), e, region, *confirm == e.Name, stdout); err != nil {
			return err
		}
	}
	return nil
}

func emptyRegion(ctx context.Context, client *s3.Client, e environment.Environment, region string, confirmed bool, stdout io.Writer) error {
	buckets, err := remove.Buckets(ctx, client, e, region)
	if err != nil {
		return err
	}
	for _, bucket := range buckets {
		if !confirmed {
			_, err = fmt.Fprintf(stdout, "%s would be emptied\n", bucket)
		} else {
			_, err = remove.All(ctx, client, bucket, stdout)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
