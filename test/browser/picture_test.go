package browser_test

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/dashboards"
)

// pictures are those in docs/dashboards, by the dashboards that they are of.
var pictures = map[string]string{
	"example-us-east-1-performance": "performance.png", "example-us-east-1-cost": "cost.png",
	"example-us-east-1-business": "business.png", "example-regions": "regions.png",
}

// largest is how many bytes a picture may have.
const largest = 300_000

// picture keeps what a dashboard looks like, where the documents show it and that is asked for.
func (s *screen) picture(t *testing.T, d dashboards.Dashboard) {
	t.Helper()
	name := pictures[d.Name]
	if name == "" || !*update {
		return
	}
	s.open(t, d.Name) // with nothing chosen
	taken, err := chromedp.Run(s.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := png.Decode(bytes.NewReader(taken))
	if err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, fewColours(whole)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "docs", "dashboards", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, small.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fewColours is a picture in 256 colours: the most frequent of those that are not nearly the same. For text and lines
// nobody notices.
func fewColours(whole image.Image) image.Image {
	bounds := whole.Bounds()
	times := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			times[whole.At(x, y)]++
		}
	}
	reduced := image.NewPaletted(bounds, nil)
	for _, c := range slices.SortedFunc(maps.Keys(times), func(a, b color.Color) int { return cmp.Compare(times[b], times[a]) }) {
		if len(reduced.Palette) < 256 && (len(reduced.Palette) == 0 || !alike(c, reduced.Palette.Convert(c))) {
			reduced.Palette = append(reduced.Palette, c)
		}
	}
	nearest := map[color.Color]uint8{}
	for c := range times {
		nearest[c] = uint8(reduced.Palette.Index(c))
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			reduced.SetColorIndex(x, y, nearest[whole.At(x, y)])
		}
	}
	return reduced
}

// alike tells whether nobody sees a difference between two colours.
func alike(a, b color.Color) bool {
	const little = 10 << 8
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return max(ar, br)-min(ar, br) < little && max(ag, bg)-min(ag, bg) < little && max(ab, bb)-min(ab, bb) < little
}

// What the documents show is there, and not too large to be looked at.
func TestTheDocumentsShowEveryPicture(t *testing.T) {
	folder := filepath.Join(root, "docs", "dashboards")
	text, err := os.ReadFile(filepath.Join(root, "docs", "observability.md"))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(kept) != len(pictures) {
		t.Errorf("%s has %q, %v; want just %d pictures", folder, kept, err, len(pictures))
	}
	for _, name := range pictures {
		encoded, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
			continue
		}
		shape, format, err := image.DecodeConfig(bytes.NewReader(encoded))
		if err != nil || format != "png" || shape.Width != wide || shape.Height < high/2 || len(encoded) >= largest {
			t.Errorf("%s is a %s of %d by %d pixels in %d bytes, %v", name, format, shape.Width, shape.Height, len(encoded), err)
		}
		if !strings.Contains(string(text), "](dashboards/"+name+")") {
			t.Errorf("docs/observability.md does not show %s", name)
		}
	}
}
