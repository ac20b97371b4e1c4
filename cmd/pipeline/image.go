package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/registry"
	running "github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/image/content"
	"github.com/genai-pipeline/genai-pipeline/constructs/image/oci"
)

// defaultProgram is the Go package that an image runs.
const defaultProgram = "./runtime/cmd/server"

// The files of the command image, in its folder, and the name that an engine gives the archive's image.
const (
	imageLayout  = "oci"
	imageArchive = "image.tar"
	imageTag     = "genai-pipeline:latest"
)

// image builds the container image and writes it to disk, or with the word push sends it to a registry.
func image(ctx context.Context, flags *flag.FlagSet, args, _ []string, stdout io.Writer) error {
	program := flags.String("package", defaultProgram, "Go package of the program")
	roots := flags.String("roots", "", "PEM file with the authorities to trust; default: Mozilla's, of the version in go.mod")
	out := flags.String("out", filepath.Join(".build", "image"), "folder to write "+imageLayout+"/ and "+imageArchive+" to")
	push := len(args) > 0 && args[0] == "push"
	if push {
		args = args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case push && flags.NArg() != 1:
		return errors.New("push takes the place to push to, after the flags: pipeline image push REGISTRY/REPOSITORY[:TAG]")
	case !push && flags.NArg() > 0:
		return fmt.Errorf("%s takes no argument %q; it takes flags, or push and a place to push to", flags.Name(), flags.Arg(0))
	}
	built, err := buildImage(*program, *roots)
	if err != nil {
		return err
	}
	if push {
		return pushImage(ctx, flags.Arg(0), built, stdout)
	}
	return writeImage(*out, built, stdout)
}

func buildImage(program, roots string) (v1.Image, error) {
	root, err := running.Root(".")
	if err != nil {
		return nil, err
	}
	code, err := binary.Go{Root: root}.Build(program)
	if err != nil {
		return nil, err
	}
	dir, err := content.Folder(content.Props{Code: code, Roots: roots})
	if err != nil {
		return nil, err
	}
	return oci.Build(dir)
}

func writeImage(out string, built v1.Image, stdout io.Writer) error {
	layout, archive := filepath.Join(out, imageLayout), filepath.Join(out, imageArchive)
	if err := oci.WriteLayout(layout, built); err != nil {
		return err
	}
	if err := oci.WriteArchive(archive, imageTag, built); err != nil {
		return err
	}
	digest, err := built.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s\n  %s: an OCI layout\n  %s: for docker, finch or podman load\n", digest, layout, archive)
	return err
}

func pushImage(ctx context.Context, reference string, built v1.Image, stdout io.Writer) error {
	pushed, err := registry.Push(ctx, reference, built, registry.Keychain())
	if err != nil {
		return err
	}
	what := "pushed as"
	if pushed.Existed {
		what = "was there already as"
	}
	_, err = fmt.Fprintf(stdout, "%s\n  %s %s\n", pushed.Digest, what, pushed.Tag)
	return err
}
