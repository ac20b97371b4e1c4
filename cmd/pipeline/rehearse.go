package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/rehearse"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
)

// rehearsing takes an environment through a deployment's life on a local emulator. Without Python it says so and is no
// error.
func rehearsing(ctx context.Context, flags *flag.FlagSet, args, environ []string, stdout io.Writer) error {
	o := rehearse.Options{Environ: environ, Image: imageDigest}
	flags.StringVar(&o.Environment, "environment", "dev", "name of the environment, a file in environments/")
	flags.BoolVar(&o.Write, "write", false, "write to docs/rehearsal.md what the emulator stubs, instead of comparing it")
	if err := parse(flags, args); err != nil {
		return err
	}
	var err error
	if o.Root, err = running.Root("."); err != nil {
		return err
	}
	o.Document = filepath.Join(o.Root, "docs", "rehearsal.md")
	err = rehearse.Run(ctx, o, stdout)
	if errors.Is(err, rehearse.ErrNoPython) {
		_, err = fmt.Fprintf(stdout, "SKIPPED, NOTHING WAS REHEARSED: %v\n", err)
	}
	return err
}

// imageDigest is the digest of the container image that this checkout makes.
func imageDigest() (string, error) {
	built, err := buildImage(defaultProgram, "")
	if err != nil {
		return "", err
	}
	digest, err := built.Digest()
	return digest.String(), err
}
