package main

import (
	"strings"
	"testing"
	"time"
)

// Nothing here looks at a measured figure: those depend on the machine. What is made of them does not.

func TestSummarize(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   summary
	}{
		{"one value", []float64{3}, summary{3, 3, 3}},
		{"unsorted", []float64{5, 1, 3}, summary{1.4, 3, 4.6}},
		{"between two", []float64{1, 2}, summary{1.1, 1.5, 1.9}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := summarize(test.values)
			if got.String() != test.want.String() {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestReportSaysWhenAndShowsRatios(t *testing.T) {
	made := func(name string, size int64, ms float64) *program {
		one := []float64{ms}
		return &program{name: name, sizes: map[string]int64{"amd64": size, "arm64": size},
			samples: samples{one, one, []float64{0}, one, one, []float64{0}}}
	}
	got := report(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), []*program{made("product", 3e6, 30), made("bare", 2e6, 20)}, 7)
	for _, want := range []string{"2026-11-22, go1", "7 rounds", "| size, linux/arm64, MB | 3.00 | 2.00 | 1.50 |",
		"| start to ready, ms | 30.0 (30.0–30.0) | 20.0 (20.0–20.0) | 1.50 |"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "RSS") {
		t.Errorf("memory that is not known is shown:\n%s", got)
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
	for _, args := range [][]string{{"-runs", "0"}, {"-runs", "many"}, {"surplus"}} {
		var out, said strings.Builder
		if err := run(t.Context(), args, &out, &said); err == nil || out.Len() > 0 {
			t.Errorf("%q: error %v, output %q", args, err, &out)
		}
	}
}
