package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	rehearsal "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/drill"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// drill rehearses the failover of an environment on this machine.
func drill(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	o := rehearsal.Options{}
	environment := flags.String("environment", "prod", "name of the environment, a file in environments/")
	flags.StringVar(&o.Assembly, "assembly", "", "use this synthesized assembly instead of synthesizing one")
	flags.StringVar(&o.Variant, "variant", settings.VariantContainers, settings.VariantContainers+" or "+settings.VariantInstances)
	flags.StringVar(&o.Alias, "alias", "", "what callers ask for; default: the first alias without a target in another Region")
	faults := flags.String("faults", strings.Trim(strings.ReplaceAll(fmt.Sprint(rehearsal.Faults()), " ", ","), "[]"), "what to try, in this order")
	flags.IntVar(&o.Callers, "callers", 20, "callers, each with a connection of its own")
	flags.DurationVar(&o.Pause, "pause", 5*time.Second, "time between two requests of a caller")
	flags.DurationVar(&o.Lag, "lag", time.Minute, "until a usage record that is stored has been copied to the other Region")
	flags.Float64Var(&o.Speed, "speed", 1, "how much faster than real time, to 100")
	if err := parse(flags, args); err != nil {
		return err
	}
	var err error
	if o.Faults, err = rehearsal.ParseFaults(*faults); err != nil {
		return fmt.Errorf("-faults: %w", err)
	}
	if o.Variant != settings.VariantContainers && o.Variant != settings.VariantInstances {
		return fmt.Errorf("-variant is %q; allowed are %s and %s", o.Variant, settings.VariantContainers, settings.VariantInstances)
	}
	if o.Root, err = running.Root("."); err != nil {
		return err
	}
	o.Work = filepath.Join(o.Root, ".build", "drill")
	if o.Assembly == "" {
		o.Assembly = filepath.Join(o.Root, ".build", "cdk.out."+*environment)
		if err := running.Synthesize(ctx, running.Options{Root: o.Root, Environment: *environment, Environ: environ}, o.Assembly); err != nil {
			return err
		}
	}
	report, err := rehearsal.Run(ctx, o, stdout)
	if err != nil {
		return err
	}
	if err := report.Write(stdout); err != nil {
		return err
	}
	if problems := report.Problems(); len(problems) > 0 {
		return fmt.Errorf("the drill shows what is worse than computed: %s", strings.Join(problems, "; "))
	}
	return nil
}
