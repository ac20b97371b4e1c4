package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	drawing "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
)

// dashboards draws the dashboards of an environment from the logs of a local run. While one runs, it serves them itself.
func dashboards(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	environment := flags.String("environment", "local", "name of the environment, which the local run was of")
	dir := flags.String("assembly", "", "use this synthesized assembly instead of synthesizing one")
	logs := flags.String("logs", "", "folder of the logs that make up wrote; default .build/local")
	out := flags.String("out", "", "write the pages into this folder; default .build/dashboards")
	if err := parse(flags, args); err != nil {
		return err
	}
	root, err := running.Root(".")
	if err != nil {
		return err
	}
	if *logs == "" {
		*logs = filepath.Join(root, ".build", "local")
	}
	if *out == "" {
		*out = filepath.Join(root, ".build", "dashboards")
	}
	if *dir == "" {
		*dir = filepath.Join(root, ".build", "cdk.out."+*environment)
		if err := running.Synthesize(ctx, running.Options{Root: root, Environment: *environment, Environ: environ}, *dir); err != nil {
			return err
		}
	}
	pages, err := draw(*dir, *logs)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := filepath.Join(*out, drawing.Path(name))
		if err := os.WriteFile(path, []byte(pages[name]), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(stdout, path)
	}
	return nil
}

// draw returns the pages of an assembly by name, from the logs in a folder.
func draw(dir, logs string) (map[string]string, error) {
	a, err := assembly.Read(dir)
	if err != nil {
		return nil, err
	}
	all, err := drawing.Of(a)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("the templates have no dashboard; the environment needs observability")
	}
	files, err := drawing.Files(a, logs)
	if err != nil {
		return nil, err
	}
	return drawing.Draw(all, files)
}
