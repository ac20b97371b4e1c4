package rehearse

import (
	"context"
	_ "embed" // the emulator's part that is ours
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// Version of MiniStack is pinned, as requirements.txt pins it and all that it needs.
const Version = "1.4.21"

// patience is how long the emulator may take for its first answer: it reads its modules, and a machine may be busy.
const patience = 5 * time.Minute

// ErrNoPython says that there is no Python to run the emulator with.
var ErrNoPython = errors.New("there is no python3 with venv")

//go:embed requirements.txt
var requirements []byte

//go:embed emulator.py
var program []byte

// install installs the emulator once, into a Python of its own under .build, and returns that Python.
func install(ctx context.Context, root string) (string, error) {
	dir := filepath.Join(root, ".build", "ministack-"+Version)
	python := filepath.Join(dir, "bin", "python")
	if _, err := os.Stat(python); err == nil {
		return python, nil
	}
	if out, err := exec.CommandContext(ctx, "python3", "-c", "import ensurepip, venv").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %w %s", ErrNoPython, err, tail(string(out), 1))
	}
	// Aside, and moved when it is whole: two may install at once, and one may be stopped half way.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), "ministack-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(aside) }() // a leftover is only untidy
	list := filepath.Join(aside, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return "", err
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", aside},
		{filepath.Join(aside, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", list},
	} {
		cmd := process.Command(ctx, command[0], command[1:]...)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := process.Run(cmd); err != nil {
			return "", fmt.Errorf("MiniStack %s cannot be installed: %s: %w\n%s", Version, strings.Join(command, " "), err, tail(said.String(), shownLines))
		}
	}
	if err := os.Rename(aside, dir); err != nil {
		if _, other := os.Stat(python); other != nil {
			return "", err
		}
	}
	return python, nil
}

// emulator is a MiniStack that runs.
type emulator struct {
	address string
	account string
	stubs   string // file with the type of each stub that it made
	log     string
	stop    context.CancelFunc
	ended   chan struct{}
	err     error // why it ended; after ended
}

// start starts the emulator on a free port of the loopback interface. The socket is ours and handed down, so that no other
// program can take the port in between, and what connects before it accepts waits.
func start(ctx context.Context, python, work string, e environment.Environment) (*emulator, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }() // the emulator has its own copy
	m := &emulator{address: listener.Addr().String(), account: e.Account, stubs: filepath.Join(work, "stubs.txt"), log: filepath.Join(work, "emulator.log"), ended: make(chan struct{})}
	script, temporary := filepath.Join(work, "emulator.py"), filepath.Join(work, "tmp")
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(script, program, 0o644); err != nil {
		return nil, err
	}
	log, err := os.Create(m.log)
	if err != nil {
		return nil, err
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	running, stop := context.WithCancel(ctx)
	m.stop = stop
	cmd := process.Command(running, python, script, m.stubs)
	if e.Edge.HostedZone != "" {
		cmd.Args = append(cmd.Args, e.Edge.HostedZone)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = work, log, log, []*os.File{socket}
	_, port, _ := net.SplitHostPort(m.address) // net made it
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + work, "TMPDIR=" + temporary,
		"GATEWAY_PORT=" + port, "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", "MINISTACK_ACCOUNT_ID=" + e.Account, "MINISTACK_REGION=" + e.Regions[0],
		// Nothing else may listen, and no container may start: this machine's engine is not the emulator's.
		"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "DOCKER_HOST=unix:///nonexistent",
	}
	go func() {
		defer close(m.ended)
		m.err = errors.Join(process.Run(cmd), log.Close(), socket.Close())
	}()
	if err := m.answers(ctx); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

func (m *emulator) url() string { return "http://" + m.address }

// answers waits for the first answer.
func (m *emulator) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	go func() {
		select {
		case <-m.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if _, err := m.ask(ctx, m.place(""), url.Values{"Action": {"ListStacks"}}); err != nil {
		return fmt.Errorf("MiniStack does not answer: %w\n%s", err, m.words())
	}
	return nil
}

// close ends the emulator and waits until it is gone. That it was ended is no error.
func (m *emulator) close() error {
	select {
	case <-m.ended: // by itself, which nobody asked for
		m.stop()
		return fmt.Errorf("MiniStack ended by itself: %w\n%s", m.err, m.words())
	default:
		m.stop()
		<-m.ended
		return nil
	}
}

// words are the last that the emulator said.
func (m *emulator) words() string {
	text, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	return tail(string(text), shownLines)
}

// place is where a request goes: an account, which the emulator knows by the id of the key, and a Region.
func (m *emulator) place(region string) string {
	return "AWS4-HMAC-SHA256 Credential=" + m.account + "/20260101/" + region + "/cloudformation/aws4_request"
}

// ask calls CloudFormation's own API. Nothing is signed, for the emulator checks no signatures.
func (m *emulator) ask(ctx context.Context, place string, request url.Values) ([]byte, error) {
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url(), strings.NewReader(request.Encode()))
	if err != nil {
		return nil, err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("Authorization", place)
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(post)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %s", request.Get("Action"), answer.StatusCode, text)
	}
	return text, err
}

// deployed is a stack as the emulator has it.
type deployed struct {
	Name      string `xml:"StackName"`
	Status    string `xml:"StackStatus"`
	Reason    string `xml:"StackStatusReason"`
	Protected bool   `xml:"EnableTerminationProtection"`
}

func (m *emulator) describe(ctx context.Context, region string, request url.Values) ([]deployed, error) {
	request.Set("Action", "DescribeStacks")
	text, err := m.ask(ctx, m.place(region), request)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Stacks []deployed `xml:"DescribeStacksResult>Stacks>member"`
	}
	err = xml.Unmarshal(text, &answer)
	return answer.Stacks, err
}

// stack is one that is there.
func (m *emulator) stack(ctx context.Context, s *assembly.Stack) (deployed, error) {
	found, err := m.describe(ctx, s.Region, url.Values{"StackName": {s.Name}})
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("there are %d stacks %s in %s, want one", len(found), s.Name, s.Region)
	}
	if err != nil {
		return deployed{}, err
	}
	return found[0], nil
}

// unprotect takes a stack's termination protection off.
func (m *emulator) unprotect(ctx context.Context, s *assembly.Stack) error {
	_, err := m.ask(ctx, m.place(s.Region), url.Values{
		"Action": {"UpdateTerminationProtection"}, "StackName": {s.Name}, "EnableTerminationProtection": {"false"},
	})
	return err
}

// toolkit is the stack of the bootstrap, which stays.
const toolkit = "CDKToolkit"

// left names what is there besides the bootstrap in the Regions of the stacks.
func (m *emulator) left(ctx context.Context, of []*assembly.Stack) ([]string, error) {
	var regions, names []string
	for _, s := range of {
		regions = append(regions, s.Region)
	}
	slices.Sort(regions)
	for _, region := range slices.Compact(regions) {
		there, err := m.describe(ctx, region, url.Values{})
		if err != nil {
			return nil, err
		}
		for _, d := range there {
			if d.Name != toolkit {
				names = append(names, fmt.Sprintf("%s in %s (%s %s)", d.Name, region, d.Status, d.Reason))
			}
		}
	}
	return names, nil
}
