package iam_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/test/policy"
)

// difference returns the lines that only one of two texts has.
func difference(want, got string) string {
	var out strings.Builder
	only := func(sign, a, b string) {
		known := map[string]int{}
		for line := range strings.Lines(b) {
			known[line]++
		}
		for line := range strings.Lines(a) {
			if known[line]--; known[line] < 0 {
				out.WriteString(sign + line)
			}
		}
	}
	only("-", want, got)
	only("+", got, want)
	return out.String()
}

// TestAStrangerIsNoticed takes Bedrock's own endpoint away: the real program then calls what stands for every other
// service, and the recorder must name that call.
func TestAStrangerIsNoticed(t *testing.T) {
	s := subjects(t)[0]
	w := newWorld(t)
	delete(w.standIns, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
	c := client{s.start(t, s, w.standIns), false, w}
	if status := c.askModel(t, "haiku", shapes[0]); status == http.StatusOK {
		t.Errorf("answered %d without Bedrock", status)
	}
	seen := w.strangers.requests()
	if len(seen) == 0 || !strings.Contains(seen[0].text, "/converse, signed by "+roleKey+" for bedrock in us-east-1") {
		t.Errorf("the recorder saw %+v", seen)
	}
}

// TestAFixedAddressIsNoticed calls an address that no endpoint variable changes, as a hidden dependency would.
func TestAFixedAddressIsNoticed(t *testing.T) {
	w := newWorld(t)
	proxy, err := url.Parse(w.standIns["HTTPS_PROXY"])
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://sts.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := client.Do(request); err == nil {
		_ = response.Body.Close()
		t.Errorf("answered %s", response.Status)
	}
	if seen := w.strangers.requests(); len(seen) != 1 || seen[0].text != "CONNECT sts.amazonaws.com:443, unsigned" {
		t.Errorf("the recorder saw %+v", seen)
	}
}

func TestNeedsOfACall(t *testing.T) {
	tests := []struct {
		name string
		call call
		want []string
	}{
		{"on demand", call{"bedrock", "Converse", "amazon.nova-lite-v1:0", "us-west-2"}, []string{
			"bedrock:InvokeModel on arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0, aws:RequestedRegion=us-west-2",
		}},
		{"global", call{"bedrock", "ConverseStream", "global.anthropic.claude-sonnet-5-5", "us-east-1"}, []string{
			"bedrock:InvokeModelWithResponseStream on P, aws:RequestedRegion=us-east-1",
			"bedrock:InvokeModelWithResponseStream on arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-5-5, aws:RequestedRegion=us-east-1, bedrock:InferenceProfileArn=P",
			"bedrock:InvokeModelWithResponseStream on arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-5-5, aws:RequestedRegion=unspecified, bedrock:InferenceProfileArn=P",
		}},
		{"geography", call{"bedrock", "InvokeModel", "us.anthropic.claude-haiku-5-5", "us-west-2"}, []string{
			"bedrock:InvokeModel on P, aws:RequestedRegion=us-west-2",
			"bedrock:InvokeModel on arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-5-5, aws:RequestedRegion=us-east-1, bedrock:InferenceProfileArn=P",
			"bedrock:InvokeModel on arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-haiku-5-5, aws:RequestedRegion=us-east-2, bedrock:InferenceProfileArn=P",
			"bedrock:InvokeModel on arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-5-5, aws:RequestedRegion=us-west-2, bedrock:InferenceProfileArn=P",
		}},
		{"operation nobody knows", call{"bedrock", "CountTokens", "amazon.nova-lite-v1:0", "us-east-1"}, nil},
		{"geography nobody knows", call{"bedrock", "Converse", "us.anthropic.claude-haiku-5-5", "ca-central-1"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			needs, err := needsOf(tt.call, "123456789012")
			if (err != nil) != (tt.want == nil) || len(needs) != len(tt.want) {
				t.Fatalf("got %d needs, %v", len(needs), err)
			}
			profile := "arn:aws:bedrock:" + tt.call.region + ":123456789012:inference-profile/" + tt.call.resource
			for i, n := range needs {
				if want := strings.ReplaceAll(strings.ReplaceAll(tt.want[i], "=P", "="+profile), " P,", " "+profile+","); n.String() != want {
					t.Errorf("got  %s\nwant %s", n, want)
				}
			}
		})
	}
}

func TestAFailureNamesCallRoleAndStatement(t *testing.T) {
	near := policy.Statement{Effect: policy.Allow, Actions: []string{"bedrock:InvokeModel"}, Resources: []string{modelARN("us-west-2", "amazon.nova-lite-v1:0")}}
	needs, err := needsOf(call{"bedrock", "Converse", "amazon.nova-lite-v1:0", "us-east-1"}, "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	c := contract{"stack/Role", []policy.Policy{{Name: "Default", Statements: []policy.Statement{near}}}, needs}
	got := strings.Join(c.problems(), "\n")
	want := `Converse amazon.nova-lite-v1:0 in us-east-1
	needs     bedrock:InvokeModel on arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0, aws:RequestedRegion=us-east-1
	holder    stack/Role does not allow it
	closest   Default, statement 0 (Allow bedrock:InvokeModel on arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0): it is not about resource arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0
bedrock:InvokeModel on arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0
	holder    stack/Role
	statement Default, statement 0 (Allow bedrock:InvokeModel on arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0)
	no call uses it`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
