package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// patience is how long a process may take for anything: far longer than a busy machine needs.
const patience = time.Minute

// measure runs the programs in turns: a slow moment of the machine then hits them alike. The round before the first
// fills the file cache and is not counted.
func measure(ctx context.Context, programs []*program, bedrock string, rounds int) error {
	for round := range rounds + 1 {
		for i := range programs {
			p := programs[(round+i)%len(programs)] // each is first as often
			if err := p.round(ctx, bedrock, round > 0); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

// round starts the program twice: once until it is ready, once until it has answered.
func (p *program) round(ctx context.Context, bedrock string, counts bool) error {
	ready, err := p.start(ctx, bedrock, false)
	if err != nil {
		return err
	}
	answered, err := p.start(ctx, bedrock, true)
	if err != nil {
		return err
	}
	if !counts {
		return nil
	}
	s := &p.samples
	s.readyMS = append(s.readyMS, milliseconds(ready.ready))
	s.readyCPU = append(s.readyCPU, milliseconds(ready.cpu))
	s.readyRSS = append(s.readyRSS, ready.rss)
	s.answerMS = append(s.answerMS, milliseconds(answered.answer))
	s.answerCPU = append(s.answerCPU, milliseconds(answered.cpu))
	s.answerRSS = append(s.answerRSS, answered.rss)
	return nil
}

// life is what was seen of one process.
type life struct {
	ready  time.Duration // from exec until it asked for its first event
	answer time.Duration // from handing the event out until the answer was there
	cpu    time.Duration // user and system, all of it
	rss    float64       // MiB at most
}

// start runs a process, with an event or until it asks for one, and ends it.
func (p *program) start(ctx context.Context, bedrock string, ask bool) (life, error) {
	api, err := newRuntimeAPI()
	if err != nil {
		return life{}, err
	}
	defer api.close()
	var said bytes.Buffer
	command := exec.CommandContext(ctx, p.native)
	command.Env = p.environment(api.address, bedrock)
	command.Stdout, command.Stderr = &said, &said
	begin := time.Now()
	if err := command.Start(); err != nil {
		return life{}, err
	}
	l, err := follow(api, begin, p.event, ask)
	if err == nil {
		l.rss, err = peakRSS(command.Process.Pid)
	}
	_ = command.Process.Kill() // it may have ended, which Wait tells
	_ = command.Wait()         // killed, as it should be
	if err != nil {
		return life{}, fmt.Errorf("%w; it said:\n%s", err, &said)
	}
	l.cpu = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	return l, nil
}

// follow waits for what a process does.
func follow(api *runtimeAPI, begin time.Time, event string, ask bool) (life, error) {
	timeout := time.After(patience)
	var l life
	select {
	case at := <-api.asked:
		l.ready = at.Sub(begin)
	case e := <-api.ended:
		return l, fmt.Errorf("failed to start: %s", e.body)
	case <-timeout:
		return l, fmt.Errorf("did not ask for an event within %s", patience)
	}
	if !ask {
		return l, nil
	}
	handed := time.Now()
	api.event <- event
	select {
	case e := <-api.ended:
		l.answer = e.at.Sub(handed)
		if !strings.HasSuffix(e.path, "/response") || !strings.Contains(e.body, firstToken) {
			return l, fmt.Errorf("answered on %s: %s", e.path, e.body)
		}
	case <-timeout:
		return l, fmt.Errorf("did not answer within %s", patience)
	}
	return l, nil
}

// environment is what Lambda and the template would give the process, and nothing of this one's own.
func (p *program) environment(api, bedrock string) []string {
	env := append(awsEnvironment(bedrock),
		"AWS_LAMBDA_RUNTIME_API="+api,
		"AWS_LAMBDA_FUNCTION_NAME=bench",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1024",
	)
	for name, value := range p.env {
		env = append(env, name+"="+value)
	}
	return env
}

// awsEnvironment gives a process credentials and a Bedrock, which is Secrets Manager too.
func awsEnvironment(bedrock string) []string {
	return []string{
		"AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=bench",
		"AWS_SECRET_ACCESS_KEY=bench",
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + bedrock,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + bedrock,
		"HOME=" + os.TempDir(), // so that nobody's own AWS configuration takes part
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
