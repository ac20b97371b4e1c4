package binary

import (
	"fmt"
	"os"
	"path/filepath"
)

// Stub writes the same few bytes for every program, so that a golden template does not change with the source.
type Stub struct {
	Out string // folder for the assets, such as a test's own
}

// Build writes the stub; the package need not exist.
func (s Stub) Build(pkg string) (Asset, error) {
	asset := Asset{Package: pkg, Dir: filepath.Join(s.Out, folder(pkg))}
	if err := os.MkdirAll(asset.Dir, 0o755); err != nil {
		return Asset{}, fmt.Errorf("stub of %s: %w", pkg, err)
	}
	file := filepath.Join(asset.Dir, Name)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n# stands for "+pkg+"\nexit 1\n"), 0o600); err != nil {
		return Asset{}, fmt.Errorf("stub of %s: %w", pkg, err)
	}
	if err := settle(file); err != nil {
		return Asset{}, fmt.Errorf("stub of %s: %w", pkg, err)
	}
	return asset, nil
}
