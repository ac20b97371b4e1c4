//go:build !linux

package process

import "errors"

// Environ returns the environment that the process was started with, as the kernel has it. Only Linux tells it to
// anyone: elsewhere the error is errors.ErrUnsupported.
func Environ(int) (map[string]string, error) {
	return nil, errors.ErrUnsupported
}
