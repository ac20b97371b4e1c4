// Package process starts child processes so that nothing of them is left running: each leads a process group of its
// own, the whole group is ended with it, and on Linux the kernel ends the child should this process die first.
//
// It must not know what the programs are.
package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Grace is how long a process may take to end by itself once asked to.
const Grace = 2 * time.Second

// Command is exec.CommandContext in a process group of its own. When the context ends, the group is asked to end, and
// killed after Grace.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return Signal(cmd.Process, syscall.SIGTERM) }
	cmd.WaitDelay = Grace
	return cmd
}

// Signal sends the signal to the whole group that the process leads. A group that is gone is no error.
func Signal(p *os.Process, signal syscall.Signal) error {
	err := syscall.Kill(-p.Pid, signal)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// Run runs a command made by Command and, when it ends for whatever reason, kills what is left of its group.
func Run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	// Grandchildren outlive their parent, and nobody else would end them.
	_ = Signal(cmd.Process, syscall.SIGKILL)
	return err
}
