package browser_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
)

// The size of the window, in pixels. A page is as wide, and longer.
const (
	wide = 1184
	high = 900
)

// How long a browser may take, until it listens and for everything: far longer than a busy machine needs.
const (
	startTime = 2 * time.Minute
	lookTime  = 5 * time.Minute
)

// screen is a browser with one page, which is served on this machine.
type screen struct {
	ctx context.Context
	url string

	mu        sync.Mutex
	complains []string // of the console, and what the browser says there by itself
	asked     []string // URLs that the browser asked for
}

// newScreen starts a browser that finds no other host than this one.
func newScreen(t *testing.T, s *shown) *screen {
	t.Helper()
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.WSURLReadTimeout(startTime), chromedp.WindowSize(wide, high),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := context.WithTimeout(t.Context(), lookTime)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	at := &screen{ctx: ctx, url: server.URL}
	if err := chromedp.Listen(ctx, at.hear); err != nil {
		t.Fatal(err)
	}
	return at
}

// hear takes down what a page must not do.
func (s *screen) hear(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		s.complains = append(s.complains, fmt.Sprintf("console.%s of %d values", e.Type, len(e.Args)))
	case *runtime.EventExceptionThrown:
		s.complains = append(s.complains, fmt.Sprintf("exception: %s in line %d", e.ExceptionDetails.Text, e.ExceptionDetails.LineNumber))
	case *log.EventEntryAdded:
		s.complains = append(s.complains, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		s.asked = append(s.asked, e.Request.URL)
	}
}

func (s *screen) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(s.ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// open shows a dashboard, and returns what is to see.
func (s *screen) open(t *testing.T, name string) page {
	t.Helper()
	s.do(t, chromedp.Navigate(s.url+dashboards.Path(name)))
	return s.see(t)
}

// check holds that a page neither complained nor asked for anything besides pages of ours.
func (s *screen) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.complains) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(s.complains, "\n"))
	}
	if len(s.asked) == 0 {
		t.Error("the browser asked for nothing, so it is not known what it asks for")
	}
	for _, url := range s.asked {
		if !strings.HasPrefix(url, s.url+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the browser asked for %s", url)
		}
	}
}

// page is what a person sees of a dashboard.
type page struct {
	Title, Heading, Intro string
	Links                 []string
	Choices               []choice
	Widgets               []widget
}

// choice is a list to choose from.
type choice struct {
	Label, Value string
	Options      []string
}

// widget is one with what is seen in it.
type widget struct {
	Kind, Title, Why string // why there is nothing
	Box, Plot        box
	Ticks, Says      []written // marks of the axis, and what targets say
	Lines            []drawn
	Targets          []drawn
	Legend           []string
	Numbers          []string // figures and what they are of, a line break between them
	Rows             [][]string
	Texts            []written // all of them
	Hidden           bool      // something does not fit in
}

// box is a place on the page, in pixels.
type box struct{ Left, Top, Right, Bottom float64 }

// written is a text and where it stands.
type written struct {
	Text string
	Box  box
}

// drawn is a line and where it is.
type drawn struct {
	Label, Colour, Path string
	Box                 box
	Length              float64
}

// look reads what is to see in a page: what is hidden is not.
const look = `(() => {
  const seen = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && e.getClientRects().length > 0;
  const all = (e, what) => [...e.querySelectorAll(what)].filter(seen);
  const box = e => { const r = e.getBoundingClientRect(); return {Left: r.left + scrollX, Top: r.top + scrollY, Right: r.right + scrollX, Bottom: r.bottom + scrollY}; };
  const text = e => e.innerText.trim();
  const written = e => ({Text: text(e), Box: box(e)});
  const drawn = e => ({Label: e.querySelector('title')?.textContent ?? '', Colour: getComputedStyle(e).stroke, Path: e.getAttribute('d'), Box: box(e),
    Length: parseFloat(getComputedStyle(e).strokeWidth) > 0 ? e.getTotalLength() : 0});
  return {
    Title: document.title, Heading: text(document.querySelector('h1')), Intro: text(document.querySelector('p')),
    Links: all(document, 'nav a').map(text),
    Choices: all(document, 'form label').map(e => { const s = e.querySelector('select');
      return {Label: e.firstChild.textContent, Value: s.value, Options: [...s.options].map(o => o.text)}; }),
    Widgets: all(document, '.widget').map(w => ({
      Kind: w.classList[1], Title: all(w, 'h2').map(text).join('|'), Why: all(w, 'div.none').map(text).join('|'), Box: box(w),
      Plot: all(w, 'svg').map(box)[0] ?? {Left: 0, Top: 0, Right: 0, Bottom: 0},
      Ticks: all(w, '.tick').map(written), Says: all(w, '.says').map(written),
      Lines: all(w, 'path.line').map(drawn), Targets: all(w, 'path.target').map(drawn),
      Legend: all(w, '.legend li').map(text), Numbers: all(w, '.numbers>div').map(text),
      Rows: all(w, 'tr').map(r => [...r.cells].map(text)),
      Texts: all(w, 'h2,p,.unit,.tick,.says,.time span,.legend li,.numbers>div,td,th,div.none').map(written),
      Hidden: w.scrollHeight > w.clientHeight + 1 || w.scrollWidth > w.clientWidth + 1,
    })),
  };
})()`

// see returns what is to see now.
func (s *screen) see(t *testing.T) page {
	t.Helper()
	p, err := chromedp.Run(s.ctx, chromedp.Evaluate[page](look))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// choose picks another value of a list with the keyboard, so many places further down.
func (s *screen) choose(t *testing.T, list, down int) page {
	t.Helper()
	s.do(t, chromedp.Focus(fmt.Sprintf("select#choice%d", list)), chromedp.KeyEvent(strings.Repeat(kb.ArrowDown, down)))
	return s.see(t)
}
