// Package browser_test looks at the dashboards of a real local run in a real browser, as a person would: what the templates
// have must be there to see, and nothing else. With -update it keeps pictures of them for the documents.
//
// It must not know CDK, nor how a page is made: it reads templates, and what the browser shows.
package browser_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the pictures of the dashboards into docs/dashboards")

// root is the repository.
const root = "../.."

// work is a folder that is removed in the end.
var work string

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if work, err = os.MkdirTemp("", "browser"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(work)
	os.Exit(code)
}

// chromium is the browser's program. Without one the test is skipped.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no Chromium here (Debian's package chromium), so nobody looks at the dashboards")
	return ""
}

// absolute is a path in the repository.
func absolute(elements ...string) (string, error) {
	return filepath.Abs(filepath.Join(append([]string{root}, elements...)...))
}
