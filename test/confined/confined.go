// Package confined gives tests the command lines that run a program with less than a test has: without a network but
// loopback, or in a file system of its own. They need Linux and user namespaces, not root.
//
// It must not know what is run.
package confined

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Require skips a test where user namespaces are not permitted, and says so.
func Require(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("unshare", "--map-root-user", "--net", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("user namespaces are not permitted here: unshare: %v %s", err, out)
	}
}

// WithoutNetwork runs a command in a network namespace of its own, which has a loopback interface, down until the program
// calls RaiseLoopback, and nothing else.
func WithoutNetwork(command ...string) []string {
	return append([]string{"unshare", "--map-root-user", "--net"}, command...)
}

// InRoot runs a command with a folder as its root, which it cannot write to, as a user and group by number, who may do
// what any other user may.
func InRoot(root, user, group string, command ...string) []string {
	const script = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && root=$1 user=$2 group=$3 && shift 3 &&
		exec unshare --map-user="$user" --map-group="$group" --root="$root" "$@"`
	return append([]string{"unshare", "--map-root-user", "--mount", "sh", "-ec", script, "sh", root, user, group}, command...)
}

// RunTests runs tests of the calling test's own program once more, where only loopback is, each of which must pass. Where
// strace works, it also looks at every address that any process tried to reach, so that a program that shrugs at a failed
// look-up is found, too. One of the tests must call RaiseLoopback, or have it called.
func RunTests(t *testing.T, environ []string, names ...string) {
	t.Helper()
	Require(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := []string{self, "-test.v", "-test.timeout=15m", "-test.run=^(" + strings.Join(names, "|") + ")$"}
	calls := filepath.Join(t.TempDir(), "calls")
	tracer := []string{"strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-e", "signal=none", "-o", calls}
	traced := exec.Command(tracer[0], append(tracer[1:], "true")...).Run()
	if traced == nil {
		command = append(tracer, command...)
	}
	command = WithoutNetwork(command...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = environ
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, name := range names {
		if !strings.Contains(string(output), "\n--- PASS: "+name+" ") {
			t.Errorf("%s did not pass", name)
		}
	}
	if traced != nil {
		t.Logf("the tests passed, but nothing looked at what else they tried to reach: strace: %v", traced)
		return
	}
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	checkAddresses(t, string(text))
}

// What the calls of a trace name, as strace writes it.
var (
	family  = regexp.MustCompile(`sa_family=(AF_\w+)`)
	service = regexp.MustCompile(`sin6?_port=htons\(53\)`) // of DNS; a machine's own server of names may be on loopback
	// who a user is: of a server that is not there, or of one that knows nothing else
	users = regexp.MustCompile(`sun_path="(/var/run/nscd/socket"}, \d+\) = -1 ENOENT|/run/systemd/userdb/)`)
	local = regexp.MustCompile(`sa_family=AF_INET, sin_port=htons\(\d+\), sin_addr=inet_addr\("127\.0\.0\.1"\)|inet_pton\(AF_INET6, "::1"`)
)

func checkAddresses(t *testing.T, trace string) {
	t.Helper()
	reached := 0
	for line := range strings.Lines(trace) {
		match := family.FindStringSubmatch(line)
		switch {
		case match == nil: // over a connection that is there
		case local.MatchString(line) && !service.MatchString(line):
			reached++
		case match[1] == "AF_NETLINK": // asks the kernel
		case users.MatchString(line):
		default:
			t.Errorf("something else was tried: %s", line)
		}
	}
	if reached == 0 {
		t.Error("no connection was seen; the trace does not work")
	}
}
