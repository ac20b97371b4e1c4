package content

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
)

// dockerfile only copies: the build needs neither a network nor a base image.
func dockerfile() []byte {
	text := "FROM scratch\n"
	for _, f := range Files() {
		text += "COPY " + f.Name + " " + f.Path + "\n"
	}
	return fmt.Appendf(nil, "%sUSER %s\nEXPOSE %d\nENTRYPOINT [%q]\n", text, User, Port, Entrypoint)
}

// Folder makes the folder that an image is built from and returns its path. Names, content, modes and times depend on
// the program and the roots alone. Its error joins everything that is wrong.
func Folder(props Props) (string, error) {
	code, programErr := readProgram(props.Code)
	trusted, rootsErr := readRoots(props.Roots)
	if err := errors.Join(programErr, rootsErr); err != nil {
		return "", err
	}
	out := props.Out
	if out == "" {
		out = filepath.Clean(props.Code.Dir) + "-image"
	}
	if err := write(out, map[string]file{
		Dockerfile: {dockerfile(), 0o644},
		program:    {code, 0o755},
		roots:      {trusted, 0o644},
	}); err != nil {
		return "", fmt.Errorf("out: %w", err)
	}
	return out, nil
}

func readProgram(code binary.Asset) ([]byte, error) {
	if code.Dir == "" {
		return nil, errors.New("code: is empty; build it with constructs/binary")
	}
	content, err := os.ReadFile(filepath.Join(code.Dir, binary.Name))
	if err != nil {
		return nil, fmt.Errorf("code: %w", err)
	}
	return content, nil
}

type file struct {
	content []byte
	mode    os.FileMode
}

// write makes a folder hold the files and nothing else. Each file takes its place at once, so that a second synthesis
// of the same checkout never finds half of one; equal files stay equal, times included.
func write(dir string, files map[string]file) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if _, ours := files[entry.Name()]; !ours {
			return fmt.Errorf("%s holds %s, which an image must not; give a folder of its own", dir, entry.Name())
		}
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), ".image-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover is only untidy
	for name, f := range files {
		if err := place(filepath.Join(work, name), filepath.Join(dir, name), f); err != nil {
			return err
		}
	}
	return settle(dir, 0o755)
}

func place(temporary, final string, f file) error {
	if old, err := os.ReadFile(final); err == nil && bytes.Equal(old, f.content) {
		return settle(final, f.mode)
	}
	if err := os.WriteFile(temporary, f.content, 0o600); err != nil {
		return err
	}
	if err := settle(temporary, f.mode); err != nil {
		return err
	}
	return os.Rename(temporary, final)
}

// settle gives a file the mode and time that every build gives it.
func settle(path string, mode os.FileMode) error {
	if err := os.Chmod(path, mode); err != nil {
		return err
	}
	return os.Chtimes(path, Epoch(), Epoch())
}
