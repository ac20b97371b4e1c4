package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
	"github.com/genai-pipeline/genai-pipeline/test/bench/load"
)

// process is a server that runs.
type process struct {
	command *exec.Cmd
	address string
	ready   time.Duration // from exec until it took a connection
	said    bytes.Buffer  // on standard error
}

// start starts a server that listens where the environment that environ makes of its address tells it to.
func start(ctx context.Context, out, file string, args []string, environ func(address string) []string) (*process, error) {
	p := &process{}
	var err error
	if p.address, err = freeAddress(); err != nil {
		return nil, err
	}
	for i := range args {
		if args[i] == addressHere {
			args[i] = p.address
		}
	}
	log, err := os.Create(out)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	p.command = exec.CommandContext(ctx, file, args...)
	p.command.Env = environ(p.address)
	p.command.Stdout, p.command.Stderr = log, &p.said
	begin := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	for {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			p.ready = time.Since(begin)
			return p, conn.Close()
		}
		if time.Since(begin) > patience {
			p.stop()
			return nil, fmt.Errorf("%s took no connection within %s; it said:\n%s", file, patience, &p.said)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// addressHere stands for the address among a server's arguments.
const addressHere = "ADDRESS"

// freeAddress is one that nobody listens on. Somebody else may take it at once, which start then notices.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (p *process) stop() {
	_ = p.command.Process.Kill() // it may have ended, which Wait tells
	_ = p.command.Wait()         // killed, as it should be
}

// answerText is what the embedded Bedrock answers: about 1 KB, and a hundred chunks.
var answerText = firstToken + string(bytes.Repeat([]byte("0123456789"), 98)) + "Last Token"

const (
	firstToken  = "FirstToken"
	chunkBytes  = 10
	streamedPer = 100
)

// contender is one of the servers that are compared.
type contender struct {
	name     string
	pkg      string
	env      map[string]string
	listen   string   // the variable that tells it its address
	upstream []string // headers that make its requests acceptable to Bedrock, for one that does not sign
	file     string
	rows     map[string][]float64 // measurements by row, one a round

	asked, failed int                        // in all rounds
	waits         map[string][]time.Duration // for first tokens, by surface, of all rounds
}

// contenders builds the servers: the product first, the one it is compared with second.
func contenders(ctx context.Context, root, work, key string) ([]*contender, error) {
	told := environment.Environment{Name: "bench", Models: environment.DefaultModels()}
	s := settings.Default()
	s.Environment, s.Variant = told.Name, settings.VariantContainers
	s.Aliases = told.Settings(s.Variant, region).Aliases
	s.Auth = settings.Auth{Mode: settings.AuthKeys, Secret: "keys"}
	s.Limits.Concurrency = full.slow // the default lets half as many in, and the rest of the slow streams would wait
	product := s.Encode()
	delete(product, settings.EnvListen)
	list := []*contender{
		{name: "product", pkg: "./runtime/cmd/server", env: product, listen: settings.EnvListen,
			upstream: []string{"Authorization: Bearer " + key}},
		{name: "bare SDK handler", pkg: "./test/bench/bare/server", listen: "BENCH_LISTEN",
			env: map[string]string{"BENCH_MODEL": told.Models[0].Targets[0].Model}},
		{name: "plain proxy", pkg: proxyPackage, listen: "BENCH_LISTEN", upstream: []string{proxySignature}},
	}
	for _, c := range list {
		c.rows, c.waits = map[string][]float64{}, map[string][]time.Duration{}
		var err error
		if c.file, err = compile(ctx, root, filepath.Join(work, filepath.Base(filepath.Dir(c.pkg))), c.pkg, goos, goarch); err != nil {
			return nil, err
		}
	}
	return list, nil
}

const proxyPackage = "./test/bench/proxy"

// proxySignature has a signature's form, which is all that the embedded Bedrock looks at.
const proxySignature = "Authorization: AWS4-HMAC-SHA256 Credential=bench/20261122/us-east-1/bedrock/aws4_request, " +
	"SignedHeaders=host, Signature=0000000000000000000000000000000000000000000000000000000000000000"

// start starts a contender in front of a Bedrock.
func (c *contender) start(ctx context.Context, work, bedrock string) (*process, error) {
	return start(ctx, filepath.Join(work, "log"), c.file, nil, func(address string) []string {
		env := append(awsEnvironment("http://"+bedrock), c.listen+"="+address)
		for name, value := range c.env {
			env = append(env, name+"="+value)
		}
		return env
	})
}

// surfaces are the two public APIs.
var surfaces = []string{"Messages", "Chat Completions"}

// question is as long as answers are.
var longQuestion = string(bytes.Repeat([]byte("Say it. "), 128))

// request is what a contender is asked. The proxy translates nothing, so it is asked what Bedrock is.
func (c *contender) request(surface string, stream bool) (load.Request, error) {
	members := map[string]any{
		"model": environment.DefaultModels()[0].Alias, "max_tokens": 1000, "stream": stream,
		"messages": []map[string]string{{"role": "user", "content": longQuestion}},
	}
	path, last := "/v1/chat/completions", "Last Token"
	switch {
	case c.pkg == proxyPackage:
		return directRequest(surface, stream, c.upstream)
	case surface == "Messages":
		path = "/v1/messages"
		if stream {
			last = `"message_stop"`
		}
	case stream:
		last = "data: [DONE]"
	}
	body, err := json.Marshal(members)
	return load.NewRequest(path, string(body), c.upstream, firstToken, last), err
}

// directRequest is what Bedrock is asked without anything in between.
func directRequest(surface string, stream bool, headers []string) (load.Request, error) {
	operation, first, last := "converse", firstToken, "Last Token"
	members := map[string]any{
		"messages":        []any{map[string]any{"role": "user", "content": []any{map[string]string{"text": longQuestion}}}},
		"inferenceConfig": map[string]int{"maxTokens": 1000},
	}
	if stream {
		operation, last = "converse-stream", "metadata"
	}
	if surface == "Messages" {
		operation = "invoke"
		members = map[string]any{
			"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1000,
			"messages": []map[string]string{{"role": "user", "content": longQuestion}},
		}
		if stream { // its chunks are base64
			operation, first, last = "invoke-with-response-stream", "chunk", "chunk"
		}
	}
	body, err := json.Marshal(members)
	path := "/model/" + environment.DefaultModels()[0].Targets[0].Model + "/" + operation
	return load.NewRequest(path, string(body), headers, first, last), err
}

// newKey makes an API key and the secret that knows it.
func newKey() (key, secret string) {
	key, hash := auth.NewKey()
	return key, `{"tenants":{"bench":{"keys":["` + hash + `"]}}}`
}
