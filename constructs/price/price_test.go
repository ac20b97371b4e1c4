package price

import (
	"strings"
	"testing"
	"time"
)

func load(t *testing.T) *List {
	t.Helper()
	l, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEveryPriceHasASourceAndADayThatIsPast(t *testing.T) {
	made := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, p := range load(t).All() {
		if p.Source.Text == "" || !strings.HasPrefix(p.Source.URL, "https://") {
			t.Errorf("%s: nobody can point to %+v", p.Key, p.Source)
		}
		if p.Source.AsOf.IsZero() || p.Source.AsOf.After(made) || p.Old(made) {
			t.Errorf("%s was true on %s, which is no day of the year before the list was made", p.Key, p.Source.AsOf)
		}
	}
}

func TestFindKnowsRegionsAndGuessesNone(t *testing.T) {
	l := load(t)
	for _, test := range []struct {
		key, region string
		usd         float64 // 0: no price is known
	}{
		{"lambda.gbSecond.arm64", "us-east-1", 0.0000133334},
		{"lambda.gbSecond.arm64", "us-west-2", 0},
		{"waf.acl", "eu-central-1", 5},
		{"nat.hour", "eu-central-1", 0},
		{"nat.minute", "us-east-1", 0},
	} {
		p, ok := l.Find(test.key, test.region)
		if p.USD != test.usd || ok != (test.usd > 0) {
			t.Errorf("%s in %s: got %v, %t; want %v", test.key, test.region, p.USD, ok, test.usd)
		}
	}
}

func TestX86PeersHavePrices(t *testing.T) {
	l := load(t)
	for graviton := range l.x86 {
		peer, _ := l.X86(graviton)
		for _, kind := range []string{graviton, peer} {
			if _, ok := l.Find("ec2."+kind, "us-east-1"); !ok {
				t.Errorf("%s and %s are compared, but %s has no price", graviton, peer, kind)
			}
		}
	}
	if peer, ok := l.X86("t4g.nano"); ok {
		t.Errorf("t4g.nano is compared with %q", peer)
	}
}

func TestAPriceOlderThanAYearIsOld(t *testing.T) {
	p := Price{Source: Source{AsOf: time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC)}}
	if p.Old(time.Date(2027, 1, 7, 0, 0, 0, 0, time.UTC)) {
		t.Error("a year to the day is old")
	}
	if !p.Old(time.Date(2027, 1, 7, 0, 0, 1, 0, time.UTC)) {
		t.Error("a second more is not old")
	}
}

func TestAnUnsoundListIsRefusedWithEveryFault(t *testing.T) {
	_, err := parse([]byte(`{"sources": {"a": {"text": "t", "url": "u", "asOf": "2026-13-01"}, "b": {"text": "t", "url": "u", "asOf": "2026-01-01"}},
		"prices": [{"key": "k", "usd": 1, "unit": "hour", "regions": ["*"], "source": "none"},
			{"key": "free", "usd": 0, "unit": "hour", "regions": ["*"], "source": "b"},
			{"key": "two", "usd": 1, "unit": "hour", "regions": ["r"], "source": "b"},
			{"key": "two", "usd": 2, "unit": "hour", "regions": ["r"], "source": "b"}]}`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`source "a"`, "Source:none", "Key:free", "two is there twice for r"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if _, err := parse([]byte(`{"prizes": []}`)); err == nil || !strings.Contains(err.Error(), "prizes") {
		t.Errorf("got %v", err)
	}
}
