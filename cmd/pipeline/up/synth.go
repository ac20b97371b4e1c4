package up

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// Synthesize runs the pinned CDK command line on the pinned Node. No credentials reach it: a synth needs none. It does not
// begin with an environment that is none or bad, for then the CDK's words would hide what is wrong.
func Synthesize(ctx context.Context, o Options, output string) error {
	folder := cmp.Or(o.Environments, filepath.Join(o.Root, "environments"))
	if _, err := environment.LoadNamed(folder, strings.Split(o.Environment, ","), time.Now()); err != nil {
		return err
	}
	bin := filepath.Join(o.Root, "node_modules", ".bin")
	cdk := filepath.Join(bin, "cdk")
	if _, err := os.Stat(cdk); err != nil {
		return errors.New("the CDK command line is not installed; npm ci installs it (make up does it by itself)")
	}
	args := []string{"synth", "--quiet", "--no-notices", "**", "-c", environment.ContextKey + "=" + o.Environment, "--output", output}
	if o.Environments != "" {
		args = append(args, "-c", environment.FolderKey+"="+o.Environments)
	}
	cmd := process.Command(ctx, cdk, args...)
	cmd.Dir = o.Root
	cmd.Env = synthEnvironment(o.Environ, bin)
	var messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &messages, &messages
	if err := process.Run(cmd); err != nil {
		return fmt.Errorf("cdk synth: %w\n%s", err, strings.TrimSpace(messages.String()))
	}
	return nil
}

// synthEnvironment is the environment for the CDK: the pinned Node first on the path, and nothing of AWS.
func synthEnvironment(environ []string, bin string) []string {
	var path string
	result := make([]string, 0, len(environ)+2)
	for _, entry := range local.WithoutAWS(environ) {
		name, value, _ := strings.Cut(entry, "=")
		switch name {
		case "PATH":
			path = value
		case "CDK_VALIDATION": // the built-in validation stays on
		default:
			result = append(result, entry)
		}
	}
	return append(result, "PATH="+bin+string(os.PathListSeparator)+path, "AWS_EC2_METADATA_DISABLED=true", "CDK_DISABLE_CLI_TELEMETRY=true")
}
