package bedrocktest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
)

// code is what the SDK makes of an error: an exception's code, or "broken" for a connection or stream that is.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return "broken"
}

// deltas drains a stream and counts its content events.
func deltas(t *testing.T, client *bedrockruntime.Client) (content int, opening, err error) {
	t.Helper()
	out, err := client.ConverseStream(t.Context(), streaming(ask("a question of some length")))
	if err != nil {
		return 0, err, nil
	}
	stream := out.GetStream()
	defer stream.Close()
	for event := range stream.Events() {
		if _, ok := event.(*types.ConverseStreamOutputMemberContentBlockDelta); ok {
			content++
		}
	}
	return content, nil, stream.Err()
}

func TestFaultsInPlaceOfTheAnswer(t *testing.T) {
	tests := []struct {
		name string
		kind bedrocktest.Kind
		want string
	}{
		{"throttle", bedrocktest.Throttle, "ThrottlingException"},
		{"capacity", bedrocktest.Capacity, "ServiceUnavailableException"},
		{"not ready", bedrocktest.NotReady, "ModelNotReadyException"},
		{"timeout", bedrocktest.Timeout, "ModelTimeoutException"},
		{"model error", bedrocktest.ModelError, "ModelErrorException"},
		{"internal", bedrocktest.InternalError, "InternalServerException"},
		{"access denied", bedrocktest.AccessDenied, "AccessDeniedException"},
		{"quota", bedrocktest.QuotaExceeded, "ServiceQuotaExceededException"},
		{"validation", bedrocktest.Validation, "ValidationException"},
		{"not found", bedrocktest.NotFound, "ResourceNotFoundException"},
		{"reset", bedrocktest.Reset, "broken"},
		{"a kind nobody knows", "nonsense", "InternalServerException"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, client := start(t, bedrocktest.Options{})
			server.Script(bedrocktest.Fault{Kind: test.kind}, bedrocktest.Fault{Kind: test.kind})
			_, err := client.Converse(t.Context(), ask("x"))
			if got := code(err); got != test.want {
				t.Errorf("not streaming: %s (%v), want %s", got, err, test.want)
			}
			if _, opening, _ := deltas(t, client); code(opening) != test.want {
				t.Errorf("streaming: %v, want %s", opening, test.want)
			}
			if _, opening, err := deltas(t, client); opening != nil || err != nil {
				t.Errorf("the third call failed: %v, %v", opening, err)
			}
		})
	}
}

func TestFaultsInMidStream(t *testing.T) {
	tests := []struct {
		name  string
		kind  bedrocktest.Kind
		want  string
		whole string // without a stream
	}{
		{"throttle", bedrocktest.StreamThrottle, "ThrottlingException", "ThrottlingException"},
		{"error", bedrocktest.StreamError, "ModelStreamErrorException", "ModelErrorException"},
		{"unavailable", bedrocktest.StreamUnavailable, "ServiceUnavailableException", "ServiceUnavailableException"},
		{"internal", bedrocktest.StreamInternal, "InternalServerException", "InternalServerException"},
		{"truncate", bedrocktest.Truncate, "", "broken"}, // the SDK takes half a frame for the end of the stream
		{"corrupt", bedrocktest.Corrupt, "broken", "broken"},
	}
	places := []struct {
		name        string
		after, want int
	}{{"first frame", -1, 0}, {"before content", 0, 0}, {"after two", 2, 2}}
	for _, test := range tests {
		for _, place := range places {
			t.Run(test.name+" "+place.name, func(t *testing.T) {
				server, client := start(t, bedrocktest.Options{ChunkBytes: 10})
				fault := bedrocktest.Fault{Kind: test.kind, AfterEvents: place.after}
				server.Script(fault, fault)
				content, opening, err := deltas(t, client)
				if opening != nil || code(err) != test.want || content != place.want {
					t.Errorf("opening %v, %d content events, then %v; want %d and %s", opening, content, err, place.want, test.want)
				}
				if _, err := client.Converse(t.Context(), ask("x")); code(err) != test.whole {
					t.Errorf("not streaming: %v, want %s", err, test.whole)
				}
			})
		}
	}
}

// ConverseStream has no such exception, InvokeModelWithResponseStream has.
func TestStreamTimeout(t *testing.T) {
	server, client := start(t, bedrocktest.Options{})
	server.Script(bedrocktest.Fault{Kind: bedrocktest.StreamTimeout, AfterEvents: 1})
	out, err := client.InvokeModelWithResponseStream(t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{
		ModelId: aws.String(haiku), Body: []byte(messages(`"messages":[{"role":"user","content":"x"}]`)),
	})
	if err != nil {
		t.Fatal(err)
	}
	stream := out.GetStream()
	defer stream.Close()
	for range stream.Events() {
	}
	if got := code(stream.Err()); got != "ModelTimeoutException" {
		t.Errorf("got %v, want ModelTimeoutException", stream.Err())
	}
}

func TestResetInMidStream(t *testing.T) {
	server, client := start(t, bedrocktest.Options{ChunkBytes: 10})
	server.Script(bedrocktest.Fault{Kind: bedrocktest.Reset, AfterEvents: 2})
	_, opening, err := deltas(t, client)
	if opening != nil || code(err) != "broken" {
		t.Errorf("opening %v, then %v; want a broken stream", opening, err)
	}
	if got := server.Calls()[0].Outcome; got != "reset" {
		t.Errorf("outcome %q, want reset", got)
	}
}

func TestFaultForOneModel(t *testing.T) {
	server, client := start(t, bedrocktest.Options{})
	server.Script(bedrocktest.Fault{Kind: bedrocktest.Capacity, Model: haiku45}, bedrocktest.Fault{Kind: bedrocktest.Throttle, Model: haiku})
	if _, err := client.Converse(t.Context(), ask("x")); code(err) != "ThrottlingException" {
		t.Errorf("got %v, want the fault meant for this model", err)
	}
	if left := server.Scripted(); len(left) != 1 || left[0].Model != haiku45 {
		t.Errorf("left %+v, want the other model's fault", left)
	}
	server.Reset()
	if left := server.Scripted(); len(left) != 0 {
		t.Errorf("left %+v after Reset", left)
	}
}

func TestParseFault(t *testing.T) {
	tests := []struct {
		name, text string
		want       bedrocktest.Fault
		says       string
	}{
		{name: "kind alone", text: "throttle", want: bedrocktest.Fault{Kind: bedrocktest.Throttle}},
		{name: "options", text: "silence:after=3,delay=2s", want: bedrocktest.Fault{Kind: bedrocktest.Silence, AfterEvents: 3, Delay: 2 * time.Second}},
		{name: "model with a colon", text: "capacity:model=" + nova, want: bedrocktest.Fault{Kind: bedrocktest.Capacity, Model: nova}},
		{name: "first frame", text: "corrupt:after=-1", want: bedrocktest.Fault{Kind: bedrocktest.Corrupt, AfterEvents: -1}},
		{name: "unknown kind", text: "flood", says: "allowed are throttle, capacity"},
		{name: "unknown option", text: "throttle:often=1", says: "after=N, delay=2s, model=ID"},
		{name: "bad duration", text: "silence:delay=2", says: `"delay=2"`},
		{name: "bad count", text: "silence:after=-2", says: "0 or -1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := bedrocktest.ParseFault(test.text)
			if (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error %v, want %q", err, test.says)
			}
			if err == nil && got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	for _, kind := range bedrocktest.Kinds() {
		if got, err := bedrocktest.ParseFault(string(kind)); err != nil || got.Kind != kind {
			t.Errorf("%s reads as %+v, %v", kind, got, err)
		}
	}
}
