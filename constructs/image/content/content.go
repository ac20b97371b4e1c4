// Package content says what the container image of a Go program holds, and makes the folder that it is built from: the
// same bytes whenever and wherever it is made from the same program, roots and version of this module.
//
// The image holds the program, the authorities whose certificates it believes, and nothing else: no shell, no package
// manager, no other user's files.
//
// It must not know CDK, what builds or runs the image, nor what the program does.
package content

import (
	"io/fs"
	"time"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
)

// What every image says of itself.
const (
	Entrypoint = "/" + program
	User       = "65532:65532" // user and group, as numbers: an image from scratch has no file of names; compute.User is the same
	Port       = 8080          // TCP
)

// The files of a folder.
const (
	Dockerfile = "Dockerfile"
	program    = "server"
	roots      = "ca-certificates.crt"
)

// File is one file of the image.
type File struct {
	Name string      // in the folder
	Path string      // in the image; its parents belong to root, mode 0755
	Mode fs.FileMode // it belongs to root, so the program cannot change it
}

// Files are the files of every image; what changes most rarely comes first.
func Files() []File {
	return []File{
		{roots, "/etc/ssl/certs/" + roots, 0o644},
		{program, Entrypoint, 0o755},
	}
}

// Epoch is the time that every file and image says it was made, the same as constructs/binary's: a true one would make
// two builds differ.
func Epoch() time.Time { return time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC) }

// Props says what an image holds.
type Props struct {
	Code binary.Asset // required; a static linux/arm64 program
	// Roots is the path of a PEM file with the certificates that the program trusts, such as a company's own authority
	// beside the public ones. It decides whom the gateway believes to be AWS. Default: the public ones, see Mozilla.
	Roots string
	Out   string // the folder to make; it may hold nothing else. Default: Code.Dir followed by "-image"
}
