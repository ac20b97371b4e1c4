// Command bench measures the gateway beside a handler that only calls the SDK and beside a plain reverse proxy: as a
// server under load, with authentication, metrics and the access log on, and as the Lambda program from exec to its
// first answer. All run in turns on the same machine, with an embedded Bedrock in a process of its own, so their ratios
// mean more than the figures do.
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
	"slices"
	"strings"
	"time"
)

// Where -write stores the result, from the module's root.
const (
	document = "docs/performance.md"
	picture  = "docs/performance.svg"
)

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
	rounds := flags.Int("rounds", full.rounds, "rounds of the servers; in each, every one is measured once")
	short := flags.Bool("quick", false, "one short round, to see that all of it works; its figures mean nothing")
	write := flags.Bool("write", false, "store the result in "+document+" and "+picture)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || flags.NArg() > 0 || *short && *write {
		return fmt.Errorf("-rounds is %d, there are %d other arguments, and -quick is %t with -write %t; "+
			"allowed are 1 or more, none, and not both", *rounds, flags.NArg(), *short, *write)
	}
	e := full
	if *short {
		e = quick
	} else {
		e.rounds = *rounds
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	rows, err := measureAll(ctx, root, e, func(what string) { fmt.Fprintln(stderr, "bench:", what) })
	if err != nil {
		return err
	}
	sdk, err := output(ctx, root, "go", "list", "-m", "github.com/aws/aws-sdk-go-v2/service/bedrockruntime")
	if err != nil {
		return err
	}
	now := time.Now()
	text := report(now, e, strings.TrimPrefix(sdk, "github.com/aws/aws-sdk-go-v2/service/"), rows)
	if _, err := io.WriteString(stdout, text); err != nil || !*write {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, picture), []byte(chart(now, rows)), 0o644); err != nil {
		return err
	}
	return store(filepath.Join(root, document), text)
}

// measureAll builds everything and measures it.
func measureAll(ctx context.Context, root string, e effort, note func(string)) ([]row, error) {
	work, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover is only untidy
	note("build")
	key, secret := newKey()
	list, err := contenders(ctx, root, work, key)
	if err != nil {
		return nil, err
	}
	lambdas, err := programs(ctx, root, work)
	if err != nil {
		return nil, err
	}
	upstream, err := compile(ctx, root, work, "./test/bench/upstream", goos, goarch)
	if err != nil {
		return nil, err
	}
	up, err := startUpstreams(ctx, work, upstream, secret, e.pace)
	if err != nil {
		return nil, err
	}
	defer up.stop()
	b := &bench{effort: e, work: work, up: up, list: list, waits: map[string][]time.Duration{}, note: note}
	if err := b.measureServers(ctx); err != nil {
		return nil, err
	}
	note("Lambda programs")
	if err := measure(ctx, lambdas, "http://"+up.fast.address, e.lambda); err != nil {
		return nil, err
	}
	return slices.Concat(serverRows(list), []row{failedRow(list)}, lambdaRows(lambdas)), nil
}

// moduleRoot is the folder of go.mod, wherever in the checkout the bench was started.
func moduleRoot(ctx context.Context) (string, error) {
	file, err := output(ctx, ".", "go", "env", "GOMOD")
	return filepath.Dir(file), err
}

// output runs a command and returns what it prints.
func output(ctx context.Context, folder, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = folder
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
