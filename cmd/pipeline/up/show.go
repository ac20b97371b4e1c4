package up

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
)

// show serves the dashboards of the templates on the port after the variants. They are drawn from the logs: the programs
// know nothing of it.
func (s *session) show(a *assembly.Assembly) error {
	all, err := dashboards.Of(a)
	if err != nil || len(all) == 0 {
		return err
	}
	listener, err := s.listener(len(s.variants))
	if err != nil {
		return err
	}
	s.shown = dashboards.Handler{Dashboards: all}
	for _, v := range s.variants {
		for _, p := range v.Programs {
			s.shown.Files = append(s.shown.Files, dashboards.File{Path: p.Log, Region: v.Stack.Region})
		}
	}
	s.serve(listener, s.shown)
	s.showing = "http://" + listener.Addr().String()
	return nil
}

// look asks for every dashboard as a browser would.
func (s *session) look(ctx context.Context) error {
	if s.showing == "" {
		return nil
	}
	s.printf("\n")
	for _, d := range s.shown.Dashboards {
		url := s.showing + dashboards.Path(d.Name)
		if err := lookAt(ctx, url, d.Name); err != nil {
			return fmt.Errorf("dashboard %s: GET %s: %w", d.Name, url, err)
		}
		s.printf("%s is drawn: %d widgets\n", url, len(d.Widgets))
	}
	return nil
}

func lookAt(ctx context.Context, url, name string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("answered %s: %s", response.Status, page)
	case !strings.Contains(string(page), "<h1>"+html.EscapeString(name)+"</h1>"):
		return fmt.Errorf("answered another page: %.200s", page)
	}
	return nil
}
