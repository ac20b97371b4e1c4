package dashboards

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

// Of returns the dashboards of an assembly, by name; none where its environment has no observability.
func Of(a *assembly.Assembly) ([]Dashboard, error) {
	var all []Dashboard
	for _, stack := range a.Stacks {
		read, err := Read(stack)
		if err != nil {
			return nil, err
		}
		all = append(all, read...)
	}
	slices.SortFunc(all, func(a, b Dashboard) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// File is the log of a program, and the Region that the program runs for.
type File struct{ Path, Region string }

// Files finds the logs that the local run of an assembly keeps in a folder.
func Files(a *assembly.Assembly, folder string) ([]File, error) {
	var files []File
	for _, stack := range a.Stacks {
		paths, err := filepath.Glob(filepath.Join(folder, filepath.FromSlash(stack.ID), "*.log"))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			files = append(files, File{path, stack.Region})
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no log of a stack of %s; make up writes them", folder, a.Dir)
	}
	return files, nil
}

// Draw returns the pages of dashboards by name, from what is in the logs now.
func Draw(all []Dashboard, files []File) (map[string]string, error) {
	r, err := runOf(files)
	if err != nil {
		return nil, err
	}
	pages := map[string]string{}
	for _, d := range all {
		if pages[d.Name], err = Page(d, names(all), r); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

func names(all []Dashboard) []string {
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names
}

func runOf(files []File) (*Run, error) {
	var logs []Log
	for _, f := range files {
		text, err := os.ReadFile(f.Path)
		if err != nil {
			return nil, err
		}
		logs = append(logs, Log{Region: f.Region, Text: bytes.NewReader(text)})
	}
	return NewRun(logs...)
}

// Path is where a Handler serves a dashboard.
func Path(name string) string { return "/" + name + ".html" }

// Handler serves a list of dashboards at "/", and each at its Path, drawn for every request from what is in the logs.
type Handler struct {
	Dashboards []Dashboard
	Files      []File
}

// ServeHTTP answers 503 while nothing can be drawn.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(h.Dashboards, func(d Dashboard) bool { return Path(d.Name) == r.URL.Path })
	page := h.list()
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "a dashboard is only looked at", http.StatusMethodNotAllowed)
		return
	case i < 0 && r.URL.Path != "/":
		http.NotFound(w, r)
		return
	case i >= 0:
		run, err := runOf(h.Files)
		if err == nil {
			page, err = Page(h.Dashboards[i], names(h.Dashboards), run)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", Policy)
	_, _ = io.WriteString(w, page) // whoever asked may have left
}

func (h Handler) list() string {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><link rel=\"icon\" href=\"data:,\"><title>Dashboards</title></head>\n<body><h1>Dashboards</h1><ul>\n")
	for _, d := range h.Dashboards {
		fmt.Fprintf(&b, "<li><a href=\"%[1]s.html\">%[1]s</a></li>\n", html.EscapeString(d.Name))
	}
	return b.String() + "</ul></body></html>\n"
}
