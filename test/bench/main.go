// Command bench measures the serverless variant's program beside a bare handler that calls the SDK: the size of the
// binaries, the time from exec until each asks the Lambda runtime for its first event, the time of its first answer,
// and what that costs in CPU and memory. Both run in turns on the same machine, so their ratio means more than the
// milliseconds do.
//
// It must not know how the product works inside: it starts binaries and looks at them from outside. Nothing asserts
// its figures; they are for people.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// document is where -write stores the result, from the module's root.
const document = "docs/performance.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("runs", 40, "rounds; in each, every program starts once and answers once")
	write := flags.Bool("write", false, "store the result in "+document)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || flags.NArg() > 0 {
		return fmt.Errorf("-runs is %d and there are %d other arguments; allowed are 1 or more, and none", *rounds, flags.NArg())
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover is only untidy
	programs, err := programs(ctx, root, work)
	if err != nil {
		return err
	}
	if err := measure(ctx, programs, *rounds); err != nil {
		return err
	}
	text := report(time.Now(), programs, *rounds)
	if _, err := io.WriteString(stdout, text); err != nil || !*write {
		return err
	}
	return store(filepath.Join(root, document), text)
}

// moduleRoot is the folder of go.mod, wherever in the checkout the bench was started.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
