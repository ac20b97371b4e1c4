package conformance_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
	"github.com/genai-pipeline/genai-pipeline/runtime/bedrocktest"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
	"github.com/genai-pipeline/genai-pipeline/test/output"
)

// archived starts a server with an archive in a stand-in for S3.
func archived(t *testing.T, v variant, interval string, o options) (*deployment, *buckettest.Bucket) {
	t.Helper()
	bucket := buckettest.New("conformance-records")
	s3 := httptest.NewServer(bucket)
	t.Cleanup(s3.Close)
	o.environment = map[string]string{
		"AWS_ENDPOINT_URL_S3": s3.URL, "GENAI_ARCHIVE_BUCKET": "conformance-records",
		"GENAI_ARCHIVE_INTERVAL": interval, "GENAI_LOG_LEVEL": "debug",
	}
	return v.start(t, o), bucket
}

// stored returns the records in the bucket by request, once there are as many as wanted.
func stored(t *testing.T, bucket *buckettest.Bucket, want int) map[string]map[string]any {
	t.Helper()
	limit := time.After(output.Patience)
	for {
		_, changed := bucket.Keys()
		records, err := bucket.Records()
		if err != nil {
			t.Fatal(err)
		}
		if len(records) >= want {
			byRequest := map[string]map[string]any{}
			for _, r := range records {
				byRequest[r["request_id"].(string)] = r
			}
			if len(byRequest) != len(records) {
				t.Errorf("%d records are of %d requests", len(records), len(byRequest))
			}
			return byRequest
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%d of %d records were stored", len(records), want)
		}
	}
}

// reaches waits until a metric adds up to a number.
func (d *deployment) reaches(t *testing.T, metric string, want float64) {
	t.Helper()
	if err := d.log.UntilSum(metric, want); err != nil {
		t.Fatal(err)
	}
}

// Every request has one record, with what the log says of it; and none has what was said.
func TestArchiveHoldsEveryRequestWhenTheServerEnds(t *testing.T) {
	for _, v := range servers() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			archiveOfAServerThatEnds(t, v)
		})
	}
}

func archiveOfAServerThatEnds(t *testing.T, v variant) {
	const prompt, answer = "the-secret-question", "the-secret-answer"
	const interval = time.Minute
	began := time.Now()
	d, bucket := archived(t, v, interval.String(), options{bedrock: bedrocktest.Options{Reply: func(string) string { return answer }}})
	n := d.tellSecrets(t, prompt)
	lines := d.records(t, n)
	if keys, _ := bucket.Keys(); len(keys) > 0 && time.Since(began) < interval {
		t.Errorf("stored before the interval: %q", keys)
	}
	d.signal(t, syscall.SIGTERM)
	records := stored(t, bucket, n)
	d.saw(t, fmt.Sprintf(`"ArchiveWritten":%d,"ArchiveLost":0`, n))
	shared := map[string]string{"status": "status", "stream": "stream", "code": "code", "target_model": "target_model", "duration_ms": "duration_ms",
		"InputTokens": "input_tokens", "OutputTokens": "output_tokens", "EstimatedCost": "cost_usd", "TimeToFirstToken": "first_token_ms", "time": "time"}
	for _, line := range lines {
		record := records[line["request_id"].(string)]
		for inLog, inRecord := range shared {
			if diff := cmp.Diff(line[inLog], record[inRecord]); diff != "" {
				t.Errorf("%s of %v: %s", inRecord, line["request_id"], diff)
			}
		}
	}
	keys, _ := bucket.Keys()
	text, err := bucket.Text(keys[0])
	if err != nil || len(keys) != 1 && time.Since(began) < interval {
		t.Errorf("the objects are %q, %v", keys, err)
	}
	if log := d.log.String(); strings.Contains(text+log, prompt) || strings.Contains(text+log, answer) {
		t.Error("what was said is in the records or in the log")
	}
}

// A server that is killed loses what came since its last flush, and the metrics say how much.
func TestArchiveOfAKilledServer(t *testing.T) {
	for _, v := range servers() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			archiveOfAKilledServer(t, v)
		})
	}
}

func archiveOfAKilledServer(t *testing.T, v variant) {
	d, bucket := archived(t, v, "1s", options{killed: true})
	ask := func(requests int) {
		for range requests {
			if response, body, err := surfaces()[0].post(t, d, false); err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%v, %s", err, body)
			}
		}
	}
	ask(20)
	before := stored(t, bucket, 20) // by the interval alone
	d.reaches(t, "ArchiveWritten", 20)
	bucket.Script(slices.Repeat([]buckettest.Fault{{Delay: time.Hour}}, 100)...) // nothing more reaches the bucket before the end
	ask(7)
	lines := d.records(t, 27)
	d.signal(t, syscall.SIGKILL)
	records := stored(t, bucket, 20)
	if diff := cmp.Diff(before, records); diff != "" {
		t.Errorf("what was stored has changed: %s", diff)
	}
	for i, line := range lines {
		record, kept := records[line["request_id"].(string)]
		if kept != (i < 20) || kept && record["seq"] != float64(i+1) {
			t.Errorf("request %d: stored is %v, number %v", i+1, kept, record["seq"])
		}
	}
	if lost := output.Sum(d.log.String(), "Requests") - output.Sum(d.log.String(), "ArchiveWritten") - output.Sum(d.log.String(), "ArchiveLost"); lost != 7 {
		t.Errorf("by the metrics %v records are lost, want 7", lost)
	}
}

// An archive that fails is not the callers' trouble: they are answered, and the server ends in time and says what it lost.
func TestArchiveThatFails(t *testing.T) {
	for _, v := range servers() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			archiveThatFails(t, v)
		})
	}
}

func archiveThatFails(t *testing.T, v variant) {
	d, bucket := archived(t, v, "1s", options{killed: true}) // its exit is checked here
	for range 100 {
		bucket.Script(buckettest.Fault{Status: http.StatusForbidden, Code: "AccessDenied"})
	}
	for _, s := range surfaces() {
		if response, body, err := s.post(t, d, true); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%v, %s", err, body)
		}
	}
	d.saw(t, "usage records are not stored yet")
	d.signal(t, syscall.SIGTERM)
	d.saw(t, `"ArchiveWritten":0,"ArchiveLost":2`)
	d.saw(t, "2 usage records could not be archived before the program ended")
	if keys, _ := bucket.Keys(); len(keys) > 0 {
		t.Errorf("the objects are %q", keys)
	}
}

// The function refuses what it cannot keep.
func TestFunctionRefusesAnArchive(t *testing.T) {
	v := named(t, settings.VariantServerless)
	command := exec.Command(v.program)
	for name, text := range v.settings(options{environment: map[string]string{"GENAI_ARCHIVE_BUCKET": "records", "AWS_REGION": "us-east-1"}}) {
		command.Env = append(command.Env, name+"="+text)
	}
	output, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(output), `GENAI_ARCHIVE_BUCKET: is "records", and GENAI_VARIANT is "serverless"`) {
		t.Errorf("it ended with %v:\n%s", err, output)
	}
}
