package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// Nothing here looks at a measured figure: those depend on the machine. What is made of them does not.

func TestSummarize(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   string
	}{
		{"one value", []float64{3}, "3.00"},
		{"unsorted", []float64{5, 1, 3}, "3.0 (1.0–5.0)"},
		{"between two", []float64{1, 2}, "1.5 (1.0–2.0)"},
		{"small", []float64{0.12345, 0.2, 0.3}, "0.200 (0.123–0.300)"},
		{"large", []float64{1000, 2000, 3000}, "2000 (1000–3000)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := summarize(test.values).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestGoals(t *testing.T) {
	low, high := goal{bar: 0.6, stretch: 0.4}, goal{bar: 1.6, stretch: 2.2, atLeast: true}
	tests := []struct {
		goal  goal
		ratio float64
		want  string
	}{
		{low, 0.3, "stretch"}, {low, 0.4, "stretch"}, {low, 0.5, "met"}, {low, 0.6, "met"}, {low, 0.61, "**missed**"},
		{high, 2.3, "stretch"}, {high, 2.2, "stretch"}, {high, 1.6, "met"}, {high, 1.5, "**missed**"},
		{goal{}, 9, ""},
	}
	for _, test := range tests {
		if got := test.goal.met(test.ratio); got != test.want {
			t.Errorf("%+v of %v: got %q, want %q", test.ratio, test.goal, got, test.want)
		}
	}
}

var made = []row{
	{name: "CPU", product: []float64{1, 2, 3}, bare: []float64{4, 4, 4}, proxy: []float64{3}, goal: goal{bar: 0.6, stretch: 0.4}},
	{name: "rate & more", product: []float64{3}, bare: []float64{2}, goal: goal{bar: 1.6, stretch: 2.2, atLeast: true}},
	{name: "size", product: []float64{3}, bare: []float64{2}},
}

func TestReportSaysWhenAndShowsRatiosAndBars(t *testing.T) {
	got := report(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), effort{rounds: 7}, "sdk v1", made)
	for _, want := range []string{
		"2026-11-22, go1", "sdk v1", "7 rounds",
		"| CPU | 2.0 (1.0–3.0) | 4.00 | 3.00 | 0.50 | ≤ 0.60 | ≤ 0.40 | met |\n",
		"| rate & more | 3.00 | 2.00 | – | 1.50 | ≥ 1.60 | ≥ 2.20 | **missed** |\n",
		"| size | 3.00 | 2.00 | – | 1.50 |  |  |  |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestChartShowsTheRowsThatHaveAGoal(t *testing.T) {
	got := chart(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), made)
	decoder := xml.NewDecoder(strings.NewReader(got))
	var texts []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, string(text))
		}
	}
	all := strings.Join(texts, "|")
	if want := "|CPU|0.50|rate & more (inverse)|0.67"; !strings.HasSuffix(all, want) {
		t.Errorf("%q does not end in %q", all, want)
	}
}

func TestReplace(t *testing.T) {
	got, err := replace("a\n"+beginMarker+"old\n"+endMarker+"\nz\n", "new\n")
	if want := "a\n" + beginMarker + "new\n" + endMarker + "\nz\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := replace("no markers", "new\n"); err == nil {
		t.Error("a document without markers is accepted")
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-rounds", "many"}, {"surplus"}, {"-quick", "-write"}} {
		var out, said strings.Builder
		if err := run(t.Context(), args, &out, &said); err == nil || out.Len() > 0 {
			t.Errorf("%q: error %v, output %q", args, err, &out)
		}
	}
}
