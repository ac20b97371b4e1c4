// Package confined gives tests the command lines that run a program with less than a test has: without a network but
// loopback, or in a file system of its own. They need Linux and user namespaces, not root.
//
// It must not know what is run.
package confined

import (
	"os"
	"os/exec"
	"testing"
)

// Require skips a test where user namespaces are not permitted, and says so. Where they are, a tool that is missing
// skips it too, except on CI (the variable CI is set): there it fails, so that what the test proves is not lost unseen.
func Require(t *testing.T, tools ...string) {
	t.Helper()
	if out, err := exec.Command("unshare", "--map-root-user", "--net", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("user namespaces are not permitted here: unshare: %v %s", err, out)
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("user namespaces are permitted here, but there is no %s", tool)
		}
		t.Skipf("this machine has no %s", tool)
	}
}

// WithoutNetwork runs a command in a network namespace of its own, which has a loopback interface and nothing else. The
// caller requires the tool ip.
func WithoutNetwork(command ...string) []string {
	return script([]string{"--map-root-user", "--net"}, `ip link set lo up && exec "$@"`, command...)
}

// InRoot runs a command with a folder as its root, which it cannot write to, as a user and group by number, who may do
// what any other user may.
func InRoot(root, user, group string, command ...string) []string {
	return script([]string{"--map-root-user", "--mount"},
		`mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && root=$1 user=$2 group=$3 && shift 3 &&
		exec unshare --map-user="$user" --map-group="$group" --root="$root" "$@"`,
		append([]string{root, user, group}, command...)...)
}

func script(namespaces []string, text string, arguments ...string) []string {
	command := append([]string{"unshare"}, namespaces...)
	return append(append(command, "sh", "-ec", text, "sh"), arguments...)
}
