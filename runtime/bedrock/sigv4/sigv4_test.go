package sigv4_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock/sigv4"
)

// reference signs with the SDK's own signer.
func reference(t *testing.T, url string, credentials aws.Credentials, at time.Time, service, region string, body []byte) http.Header {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Skip("no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(context.Background(), credentials, request, hex.EncodeToString(sum[:]), service, region, at)
	if err != nil {
		t.Fatal(err)
	}
	return request.Header
}

// FuzzSign holds signatures against the SDK's, whatever the model, the credentials, the body and the time. Each signer
// signs twice, once more on the next day with another secret, so that a key that is kept too long shows.
func FuzzSign(f *testing.F) {
	f.Add("amazon.nova-lite-v1:0", "us-east-1", "AKIDEXAMPLE", "secret", "", []byte("{}"), int64(1_800_000_000))
	f.Add("arn:aws:bedrock:us-east-1:123456789012:inference-profile/x y+z", "eu-west-1", "AKIDEXAMPLE", "s/e+c", "token==", []byte(""), int64(0))
	f.Fuzz(func(t *testing.T, model, region, id, secret, token string, body []byte, seconds int64) {
		if !printable(model, region, id, secret, token) || model == "" || id == "" || secret == "" {
			t.Skip("nothing that a request can carry")
		}
		at := time.Unix(seconds&0xffffffff, 0)
		signer := sigv4.New("bedrock", region)
		for i := range 3 {
			const host = "bedrock-runtime.us-east-1.amazonaws.com"
			path := "/model/" + sigv4.Escape(model) + "/converse"
			credentials := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
			want := reference(t, "https://"+host+path, credentials, at, "bedrock", region, body)
			got := http.Header{"Content-Type": {"application/json"}}
			signer.Sign(got, credentials, at, host, sigv4.Path(path), body)
			for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
				if got.Get(name) != want.Get(name) {
					t.Fatalf("%s is\n%s, the SDK's is\n%s", name, got.Get(name), want.Get(name))
				}
			}
			if len(got) != len(want) && len(body) > 0 {
				t.Fatalf("headers %v, want %v", got, want)
			}
			if i == 0 {
				secret += "x"
			} else {
				at = at.Add(24 * time.Hour)
			}
		}
	})
}

// The derived key is of a day in UTC: one Signer signs as the SDK does just before and after midnight, wherever the machine
// is, and when its clock is set forward by days or back over midnight, on one goroutine or on many.
func TestTheKeyIsOfTheDay(t *testing.T) {
	const host, path = "bedrock-runtime.us-east-1.amazonaws.com", "/model/amazon.nova-lite-v1%3A0/converse"
	midnight := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	west, east := time.FixedZone("west", -8*3600), time.FixedZone("east", 9*3600)
	clock := []time.Time{
		midnight.Add(-time.Second), midnight, midnight.Add(-time.Second), // set back over midnight
		midnight.Add(-1).In(west), midnight.In(west), midnight.Add(-1).In(east), midnight.In(east),
		midnight.AddDate(0, 0, 40), midnight.AddDate(0, 0, -40), midnight.AddDate(1, 0, 0), midnight,
	}
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
	want := make([]http.Header, len(clock))
	for i, at := range clock {
		want[i] = reference(t, "https://"+host+path, credentials, at, "bedrock", "us-east-1", []byte("{}"))
	}
	signer := sigv4.New("bedrock", "us-east-1")
	sign := func(i int) {
		got := http.Header{"Content-Type": {"application/json"}}
		signer.Sign(got, credentials, clock[i], host, sigv4.Path(path), []byte("{}"))
		for _, name := range []string{"Authorization", "X-Amz-Date"} {
			if got.Get(name) != want[i].Get(name) {
				t.Errorf("at %s %s is\n%s, the SDK's is\n%s", clock[i], name, got.Get(name), want[i].Get(name))
			}
		}
	}
	for i := range clock {
		sign(i)
	}
	var all sync.WaitGroup
	for from := range 4 {
		all.Go(func() {
			for i := range 200 {
				sign((from + i) % len(clock))
			}
		})
	}
	all.Wait()
}

// printable tells whether texts are plain ASCII without blanks at their ends, as all that AWS gives out is.
func printable(texts ...string) bool {
	for _, text := range texts {
		for i := range len(text) {
			if text[i] <= ' ' || text[i] > '~' {
				return false
			}
		}
	}
	return true
}

func TestSignAllocatesLittle(t *testing.T) {
	signer := sigv4.New("bedrock", "us-east-1")
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
	body := bytes.Repeat([]byte("x"), 1024)
	at := time.Now()
	header := http.Header{"Content-Type": {"application/json"}}
	got := testing.AllocsPerRun(100, func() { signer.Sign(header, credentials, at, "host", "/path", body) })
	if got > 6 { // three header values, each in a list of one
		t.Errorf("%v allocations, want at most 6; the SDK's signer makes 61", got)
	}
}
