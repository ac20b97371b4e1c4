package up_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
)

// options run the fixture's assembly in a checkout of its own, so that nothing is written to the real one.
func options(t *testing.T) up.Options {
	t.Helper()
	root, err := up.Root(".")
	if err != nil {
		t.Fatal(err)
	}
	checkout := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "cmd", "runtime"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(checkout, name)); err != nil {
			t.Fatal(err)
		}
	}
	return up.Options{
		Root:     checkout,
		Assembly: filepath.Join("testdata", "assembly"),
		Listen:   "127.0.0.1:0",
		Bedrock:  up.BedrockEmbedded,
		Environ:  os.Environ(),
	}
}

func TestOnce(t *testing.T) {
	o := options(t)
	o.Once = true
	var out bytes.Buffer
	if err := up.Run(t.Context(), o, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"api                8           ./cmd/pipeline/up/testdata/program   http://127.0.0.1:",
		"containers         1           ./cmd/pipeline/up/testdata/server    http://127.0.0.1:",
		"instances          1           ./cmd/pipeline/up/testdata/server    http://127.0.0.1:",
		"\nnothing            1\n",
		" of Gateway (128 MB, 20s) logs to .build/local/api/Gateway.log\n",
		" of Task (30s to end) logs to .build/local/containers/Task.log\n",
		" of Template (20s to end) logs to .build/local/instances/Template.log\n",
		"\nhello on /v1/chat/completions\n",
		"\nwelcome on /v1/chat/completions\n",
		"\ngood \"day\" on /v1/chat/completions\n",
		"curl -sSN --aws-sigv4 aws:amz:us-east-1:execute-api --user AKIDLOCAL:local http://127.0.0.1:",
		"data: one\n\ndata: two\n",
		" (Gateway): environment equals the template's: 1 variables\n",
		" (Task): environment equals the template's but for GENAI_LISTEN: 2 variables\n",
		" (Template): environment equals the template's but for GENAI_LISTEN: 2 variables\n",
		"nothing is left running.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
	log, err := os.ReadFile(filepath.Join(o.Root, ".build", "local", "api", "Gateway.log"))
	if err != nil || !strings.Contains(string(log), "asked whether it is ready\n") {
		t.Errorf("log %q, %v", log, err)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &cancelAt{text: "Ctrl-C stops it.", cancel: cancel}
	if err := up.Run(ctx, options(t), out); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.HasSuffix(out.String(), "nothing is left running.\n") {
		t.Errorf("it does not end by saying that nothing is left running:\n%s", out)
	}
}

// cancelAt is an output that cancels when a text has been written to it.
type cancelAt struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	text   string
	cancel func()
}

func (c *cancelAt) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.buffer.Write(p)
	if strings.Contains(c.buffer.String(), c.text) {
		c.cancel()
	}
	return n, err
}

func (c *cancelAt) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buffer.String()
}

func TestFailures(t *testing.T) {
	shipped := filepath.Join("..", "..", "..", "environments")
	tests := []struct {
		name   string
		change func(*up.Options)
		want   string
	}{
		{"no CDK", func(o *up.Options) { o.Assembly, o.Environment, o.Environments = "", "local", shipped }, "the CDK command line is not installed"},
		{"the CDK fails", func(o *up.Options) { o.Assembly, o.Environment, o.Environments = "", "local", shipped; fakeCDK(o.Root) }, "cdk synth: exit status 3\nNode is first: yes, AWS_PROFILE is gone: yes"},
		{"no such environment", func(o *up.Options) { o.Assembly, o.Environment, o.Environments = "", "locl", shipped; fakeCDK(o.Root) },
			"there is no environment \"locl\" in " + shipped + "; there are dev, local, prod (did you mean \"local\"?)"},
		{"program does not build", func(o *up.Options) { o.Root = filepath.Join(o.Root, ".empty") }, "go build ./cmd/pipeline/up/testdata/program: exit status 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := options(t)
			o.Environ = append(o.Environ, "AWS_PROFILE=mine")
			test.change(&o)
			var out bytes.Buffer
			if err := up.Run(t.Context(), o, &out); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want it to contain %q", err, test.want)
			}
		})
	}
}

// fakeCDK installs a CDK command line that reports its environment and fails.
func fakeCDK(root string) {
	bin := filepath.Join(root, "node_modules", ".bin")
	script := "#!/bin/sh\ncase \"$PATH\" in */node_modules/.bin:*) first=yes;; esac\n" +
		"echo \"Node is first: $first, AWS_PROFILE is gone: ${AWS_PROFILE:-yes}\"\nexit 3\n"
	if err := os.MkdirAll(bin, 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "cdk"), []byte(script), 0o755); err != nil {
		panic(err)
	}
}
