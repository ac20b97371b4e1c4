//go:build !linux

package confined

import "errors"

// RaiseLoopback fails: there are no network namespaces.
func RaiseLoopback() error { return errors.ErrUnsupported }
