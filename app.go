// Command genai-pipeline is the CDK app: it reads the environments that the context names, builds their stacks and
// synthesizes them. The CDK command line runs it; see cdk.json.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/stacks"
	"github.com/genai-pipeline/genai-pipeline/stacks/delivery"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

func main() {
	err := run(os.Getenv, time.Now(), os.Stderr)
	jsii.Close() // stops Node, if it was started
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run synthesizes. It calls nothing of CDK, and so starts no Node, before the environments are known to be good.
func run(getenv func(string) string, now time.Time, stderr io.Writer) error {
	delivered, environments, err := read(getenv, now)
	if err != nil {
		return err
	}
	for _, e := range environments {
		if plan, ok := e.Recovery(); ok {
			fmt.Fprintf(stderr, "%s: a failover takes at most %s; pipeline environments says what that is made of\n", e.Name, plan.RTO())
		}
		for _, warning := range e.Warnings {
			fmt.Fprintf(stderr, "warning: %v\n", warning)
		}
	}
	app := awscdk.NewApp(nil)
	if err := stacks.Build(app, environments, binary.Go{}); err != nil {
		return err
	}
	if delivered != nil {
		delivery.New(app, *delivered)
	}
	app.Synth(nil)
	return nil
}

// read loads what the context asks for: a delivery file, which names its environments, or environments alone, and then no
// pipeline.
func read(getenv func(string) string, now time.Time) (*environment.Delivery, []environment.Environment, error) {
	folder, err := environment.Folder(getenv)
	if err != nil {
		return nil, nil, err
	}
	file, err := environment.SelectedDelivery(getenv)
	if err != nil {
		return nil, nil, err
	}
	if file != "" {
		delivered, err := environment.LoadDelivery(file, folder, now)
		return &delivered, delivered.All(), err
	}
	names, err := environment.Selected(getenv)
	if err != nil {
		return nil, nil, err
	}
	environments, err := environment.LoadNamed(folder, names, now)
	return nil, environments, err
}
