package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// question is what the Lambda programs are asked.
const question = "Say hello."

// region is where the programs believe they are.
const region = "us-east-1"

// program is one of those compared, and what was measured of it.
type program struct {
	name    string
	pkg     string            // Go package
	env     map[string]string // what it needs beside credentials
	event   string            // what its first answer answers
	native  string            // path of the build for this machine
	sizes   map[string]int64  // bytes, by architecture
	samples samples
}

// samples are the measurements, one of each kind a round.
type samples struct {
	readyMS, readyCPU, readyRSS    []float64 // until the first event is asked for
	answerMS, answerCPU, answerRSS []float64 // the first answer; CPU and RSS from the start to its end
}

// What this machine runs.
const (
	goos   = runtime.GOOS
	goarch = runtime.GOARCH
)

// architectures are those whose size is reported; Lambda runs the second one here.
var architectures = []string{"amd64", "arm64"}

// programs builds what is compared: the product first.
func programs(ctx context.Context, root, work string) ([]*program, error) {
	told := environment.Environment{Name: "bench", Models: environment.DefaultModels()}
	target := told.Models[0].Targets[0].Model
	// The event of the product names the alias, that of the bare handler the model it leads to.
	product, err := json.Marshal(map[string]any{
		"surface": "openai", "model": told.Models[0].Alias,
		"messages": []map[string]string{{"role": "user", "content": question}},
	})
	if err != nil {
		return nil, err
	}
	bare, err := json.Marshal(map[string]string{"model": target, "text": question})
	if err != nil {
		return nil, err
	}
	list := []*program{
		{name: "product", pkg: "./runtime/cmd/lambda", env: productEnvironment(told), event: string(product)},
		{name: "bare SDK handler", pkg: "./test/bench/bare", event: string(bare)},
	}
	for _, p := range list {
		if err := p.build(ctx, root, work); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// productEnvironment is what a template with the default aliases would tell the product.
func productEnvironment(told environment.Environment) map[string]string {
	s := settings.Default()
	s.Environment, s.Variant = told.Name, settings.VariantServerless
	s.Aliases = told.Settings(s.Variant, region).Aliases
	return s.Encode()
}

// build builds the program for Linux on both architectures, to know its size, and for this machine, to run it.
func (p *program) build(ctx context.Context, root, work string) error {
	p.sizes = map[string]int64{}
	for _, arch := range architectures {
		file, err := compile(ctx, root, work, p.pkg, "linux", arch)
		if err != nil {
			return err
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		p.sizes[arch] = info.Size()
	}
	var err error
	p.native, err = compile(ctx, root, work, p.pkg, goos, goarch)
	return err
}

// compile builds as constructs/binary builds the deployed asset.
func compile(ctx context.Context, root, work, pkg, system, arch string) (string, error) {
	file := filepath.Join(work, filepath.Base(pkg)+"-"+system+"-"+arch)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=",
		"-tags=lambda.norpc", "-o", file, pkg)
	command.Dir = root
	command.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("build %s for %s/%s: %w\n%s", pkg, system, arch, err, &said)
	}
	return file, nil
}
