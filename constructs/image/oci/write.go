package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// WriteLayout writes an image as the OCI image layout of one image, the folder that skopeo, crane and podman read. It
// takes the place of a layout that is there, and of nothing else.
func WriteLayout(dir string, image v1.Image) error {
	if err := writeLayout(filepath.Clean(dir), image); err != nil {
		return fmt.Errorf("layout %s: %w", dir, err)
	}
	return nil
}

func writeLayout(dir string, image v1.Image) error {
	if err := replaceable(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), ".layout-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover is only untidy
	fresh := filepath.Join(work, "layout")
	written, err := layout.Write(fresh, empty.Index)
	if err != nil {
		return err
	}
	if err := written.AppendImage(image, layout.WithPlatform(Platform())); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// replaceable refuses a folder that is not a layout, so that a wrong path deletes nobody's files.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return errors.New("holds something else than an OCI layout; give a folder of its own")
	}
	return nil
}

// WriteArchive writes an image as the one file that docker load, finch load and podman load read. They call it by tag,
// such as "genai-pipeline:latest".
func WriteArchive(path, tag string, image v1.Image) error {
	reference, err := name.NewTag(tag)
	if err != nil {
		return fmt.Errorf("archive %s: %w", path, err)
	}
	if err := tarball.WriteToFile(path, reference, image); err != nil {
		return fmt.Errorf("archive %s: %w", path, err)
	}
	return nil
}
