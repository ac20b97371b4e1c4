package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/diff"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// defaultPace makes the embedded Bedrock's streams look like streams to a person.
const defaultPace = 30 * time.Millisecond

// faults is a flag that may be given several times.
type faults []bedrocktest.Fault

func (f *faults) String() string { return "" }

func (f *faults) Set(text string) error {
	fault, err := bedrocktest.ParseFault(text)
	*f = append(*f, fault)
	return err
}

// bedrockFlags adds the flags of the embedded Bedrock.
func bedrockFlags(flags *flag.FlagSet, pace *time.Duration, into *faults) {
	flags.DurationVar(pace, "pace", defaultPace, "time between two pieces of a stream of the embedded Bedrock")
	kinds := make([]string, 0, len(bedrocktest.Kinds()))
	for _, kind := range bedrocktest.Kinds() {
		kinds = append(kinds, string(kind))
	}
	flags.Var(into, "fault", "a failure of the embedded Bedrock to begin with, such as \"throttle\" or \"silence:after=3,delay=2s\"; may be repeated; one of "+strings.Join(kinds, ", "))
}

func up(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	o := running.Options{Environ: environ}
	var planned faults
	flags.StringVar(&o.Environment, "environment", "local", "name of the environment, a file in environments/")
	flags.StringVar(&o.Assembly, "assembly", "", "run this synthesized assembly instead of synthesizing one")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address to serve on; port 0 takes a free one")
	flags.StringVar(&o.Bedrock, "bedrock", running.BedrockEmbedded, "embedded, or aws for the real service with your own credentials")
	flags.BoolVar(&o.Once, "once", false, "ask the two examples, compare the processes' environments with the template's, look at the dashboards, and end")
	bedrockFlags(flags, &o.Pace, &planned)
	if err := parse(flags, args); err != nil {
		return err
	}
	o.Faults = planned
	var err error
	if o.Root, err = running.Root("."); err != nil {
		return err
	}
	return running.Run(ctx, o, stdout)
}

func bedrock(ctx context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	var pace time.Duration
	var planned faults
	address := flags.String("listen", "127.0.0.1:8081", "address to serve on; port 0 takes a free one")
	bedrockFlags(flags, &pace, &planned)
	if err := parse(flags, args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return fmt.Errorf("cannot serve on %s, choose another address with -listen: %w", *address, err)
	}
	embedded := bedrocktest.New(bedrocktest.Options{Pace: pace, DropBodies: true})
	embedded.Script(planned...)
	server := &http.Server{Handler: embedded, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	_, _ = fmt.Fprintf(stdout, "The embedded Bedrock listens on http://%s; any AWS SDK finds it with\n"+
		"  export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://%[1]s AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n"+
		"Ctrl-C stops it.\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func stacks(_ context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	dir := flags.String("assembly", "cdk.out", "folder of the assembly")
	if err := parse(flags, args); err != nil {
		return err
	}
	a, err := assembly.Read(*dir)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "STACK\tACCOUNT\tREGION\tRESOURCES\tKINDS")
	for _, s := range a.Stacks {
		kinds := make([]string, 0, len(s.Resources))
		for _, k := range s.Kinds() {
			kinds = append(kinds, fmt.Sprintf("%s %d", strings.TrimPrefix(k.Type, "AWS::"), k.Count))
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", s.ID, s.Account, s.Region, len(s.Resources), strings.Join(kinds, ", "))
	}
	return w.Flush()
}

// changes reports what a deployment of one assembly over another would do.
func changes(ctx context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	format := flags.String("format", "text", "text, markdown for a pull request, or json for tools")
	failOn := flags.String("fail-on", "", "gates: a list of destructive, broadening, exposure, alarm and cost>N%, such as cost>10%; the status is 2 when one fails")
	waivers := flags.String("waivers", "", "YAML file that excuses findings: a list under waivers, each with stack, resource or category, a reason, and until, its last day")
	folders, err := arguments(flags, args)
	if err != nil {
		return err
	}
	if len(folders) != 2 {
		return fmt.Errorf("%s takes two folders, the assembly of before and that of after; got %d: %q", flags.Name(), len(folders), folders)
	}
	o := diff.Options{Before: folders[0], After: folders[1], Now: time.Now()}
	if o.Gates, err = diff.ParseGates(*failOn); err != nil {
		return err
	}
	if err := diff.CheckFormat(*format); err != nil {
		return err
	}
	if *waivers != "" {
		if o.Waivers, err = diff.ReadWaivers(*waivers); err != nil {
			return fmt.Errorf("-waivers: %w", err)
		}
	}
	if o.Root, err = running.Root("."); err != nil {
		return err
	}
	if o.Cost, err = monthly(); err != nil {
		return err
	}
	report, err := diff.Compare(ctx, o)
	if err != nil {
		return err
	}
	if err := report.Write(stdout, *format); err != nil {
		return err
	}
	if len(report.Failed) > 0 {
		return &diff.FailedError{Gates: report.Failed}
	}
	return nil
}

// key prints a new API key. Only its hash is ever stored, so the key is shown here and nowhere else.
func key(_ context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	tenant := flags.String("tenant", "", "whose key it is, such as team-a; required; it stands in logs")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *tenant == "" {
		return errors.New("-tenant is missing; it says whose key it is, such as: pipeline key -tenant team-a")
	}
	secret, hash := auth.NewKey()
	entry, err := json.Marshal(map[string]any{"tenants": map[string]any{*tenant: map[string]any{"keys": []string{hash}}}})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "Give this key to %s; it is not shown again:\n\n  %s\n\n"+
		"Its hash belongs into the secret of the keys, beside the hashes that are there:\n\n  %s\n\n"+
		"A tenant may have several: add the new one, let the callers change over, then take the old one out.\n", *tenant, secret, entry)
	return err
}
