package rehearse

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// shownLines is how much of the command line's last words a failure has.
const shownLines = 25

// cli is the pinned CDK command line, with the emulator for AWS.
type cli struct {
	program string
	dir     string // where it runs: a folder without a cdk.json
	log     string
	environ []string
}

// newCLI gives it credentials that are none, by whose id the emulator knows the account, and nothing else of AWS: neither
// this process's variables nor the files in its home.
func newCLI(o Options, e environment.Environment, emulator *emulator) cli {
	bin := filepath.Join(o.Root, "node_modules", ".bin")
	c := cli{program: filepath.Join(bin, "cdk"), dir: o.Work, log: filepath.Join(o.Work, "cdk.log")}
	path := ""
	for _, entry := range local.WithoutAWS(o.Environ) {
		switch name, value, _ := strings.Cut(entry, "="); strings.ToUpper(name) {
		case "PATH":
			path = value
		case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY":
		default:
			c.environ = append(c.environ, entry)
		}
	}
	c.environ = append(c.environ,
		"PATH="+bin+string(os.PathListSeparator)+path,
		"CI=true", "NO_COLOR=1",
		"CDK_HOME="+filepath.Join(o.Work, "home"), "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=true",
		"AWS_ENDPOINT_URL="+emulator.url(), "AWS_REGION="+e.Regions[0], "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID="+e.Account, "AWS_SECRET_ACCESS_KEY=rehearsal",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
	)
	return c
}

// run runs one command and returns what it said. The error names the step, the stack and the last lines.
func (c cli) run(ctx context.Context, step string, args ...string) (string, error) {
	cmd := process.Command(ctx, c.program, append([]string{"--no-notices", "--no-color"}, args...)...)
	cmd.Dir, cmd.Env = c.dir, c.environ
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := process.Run(cmd)
	if problem := c.keep(args, said.Bytes()); problem != nil {
		return "", problem
	}
	if err != nil {
		return said.String(), fmt.Errorf("%s: %s%w; the last lines of cdk:\n%s", step, failing(said.String()), err, tail(said.String(), shownLines))
	}
	return said.String(), nil
}

// keep adds to the log.
func (c cli) keep(args []string, said []byte) error {
	log, err := os.OpenFile(c.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(log, "$ cdk %s\n%s\n", strings.Join(args, " "), said); err != nil {
		_ = log.Close()
		return err
	}
	return log.Close()
}

// The lines of the command line that say of which stack they are.
var (
	doneLine    = regexp.MustCompile(`(?m)^\s*✅\s+(\S+)(?: \(\S+\))?( \(no changes\))?`)
	failedLine  = regexp.MustCompile(`(?m)^\s*❌\s+(\S+)`)
	currentLine = regexp.MustCompile(`(?m)^(\S+): (?:creating CloudFormation changeset|start|deploying|destroying)`)
	diffLine    = regexp.MustCompile(`(?m)^Stack (\S+)`)
)

// outcome is what the command line says of a stack that it deployed.
type outcome struct {
	stack     string
	unchanged bool
}

func outcomes(said string) []outcome {
	var all []outcome
	for _, m := range doneLine.FindAllStringSubmatch(said, -1) {
		all = append(all, outcome{stack: m[1], unchanged: m[2] != ""})
	}
	return all
}

// differing are the stacks of which cdk diff shows differences.
func differing(said string) []string {
	var all []string
	starts := diffLine.FindAllStringSubmatchIndex(said, -1)
	for i, at := range starts {
		end := len(said)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		if !strings.Contains(said[at[0]:end], "There were no differences") {
			all = append(all, said[at[2]:at[3]])
		}
	}
	return all
}

// failing names the stack that a command failed at, if it can be told.
func failing(said string) string {
	for _, line := range []*regexp.Regexp{failedLine, currentLine} {
		if all := line.FindAllStringSubmatch(said, -1); len(all) > 0 {
			return "stack " + all[len(all)-1][1] + ": "
		}
	}
	return ""
}

// tail is the last lines of a text, indented.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return "  " + strings.Join(all[max(0, len(all)-lines):], "\n  ")
}
