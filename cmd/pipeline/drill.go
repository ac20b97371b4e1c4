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
	"strconv"
	"strings"
	"syscall"
	"time"

	rehearsal "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/drill"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// drillable are the variants that callers can be led to.
var drillable = []string{settings.VariantServerless, settings.VariantContainers, settings.VariantInstances}

// drill rehearses the failover of an environment on this machine.
func drill(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	o := rehearsal.Options{}
	environment := flags.String("environment", "prod", "name of the environment, a file in environments/")
	flags.StringVar(&o.Assembly, "assembly", "", "use this synthesized assembly instead of synthesizing one")
	flags.StringVar(&o.Variant, "variant", settings.VariantContainers, strings.Join(drillable, " or "))
	flags.StringVar(&o.Alias, "alias", "", "what callers ask for; default: the first alias without a target in another Region")
	faults := flags.String("faults", strings.Trim(strings.ReplaceAll(fmt.Sprint(rehearsal.Faults()), " ", ","), "[]"), "what to try, in this order")
	flags.StringVar(&o.Region, "region", "", "hit this Region alone; default: the primary, or where both have callers the one and then the other")
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
	if !slices.Contains(drillable, o.Variant) {
		return fmt.Errorf("-variant is %q; allowed are %s", o.Variant, strings.Join(drillable, ", "))
	}
	if o.Root, err = running.Root("."); err != nil {
		return err
	}
	var release func()
	if o.Work, release, err = claim(filepath.Join(o.Root, ".build", "drill")); err != nil {
		return err
	}
	defer release()
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

// claim takes the first folder beneath dir, by number, that no other command has, until release: logs and binaries of two
// that run at one time must not mix.
func claim(dir string) (folder string, release func(), err error) {
	for n := 1; ; n++ {
		folder = filepath.Join(dir, strconv.Itoa(n))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return "", nil, err
		}
		lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return "", nil, err
		}
		switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return folder, func() { _ = lock.Close() }, nil // which unlocks it
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return "", nil, errors.Join(err, lock.Close())
		}
		_ = lock.Close()
	}
}
