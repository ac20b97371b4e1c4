// Package confined gives tests the command lines that run a program with less than a test has: without a network but
// loopback, or in a file system of its own. They need Linux and user namespaces, not root.
//
// It must not know what is run.
package confined

import (
	"os/exec"
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
