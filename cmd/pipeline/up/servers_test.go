package up_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly/assemblytest"
	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/up"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

const fixture = "./cmd/pipeline/up/testdata/server"

// task is the template of a task that runs a program with variables.
func task(program string, variables map[string]any) any {
	var listed []any
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		listed = append(listed, map[string]any{"Name": name, "Value": variables[name]})
	}
	return map[string]any{"Resources": map[string]any{"Task": map[string]any{
		"Type":     "AWS::ECS::TaskDefinition",
		"Metadata": map[string]any{settings.BinaryMetadata: program},
		"Properties": map[string]any{"ContainerDefinitions": []any{
			map[string]any{"Environment": listed, "PortMappings": []any{map[string]any{"ContainerPort": 8080}}},
		}},
	}}}
}

// running are options that run the templates, by their stacks' names.
func running(t *testing.T, templates map[string]any) up.Options {
	t.Helper()
	o := options(t)
	o.Assembly = t.TempDir()
	var stacks []assemblytest.Stack
	for name, template := range templates {
		stacks = append(stacks, assemblytest.Stack{ID: name, Template: template})
	}
	assemblytest.Write(t, o.Assembly, stacks...)
	return o
}

// told are the variables of a server of the fixture.
func told(further ...any) map[string]any {
	variables := map[string]any{"GENAI_LISTEN": ":8080", "GREETING": "hello"}
	for i := 0; i < len(further); i += 2 {
		variables[further[i].(string)] = further[i+1]
	}
	return variables
}

func TestServersThatAreNotWhatTheirTemplateSays(t *testing.T) {
	tests := []struct {
		name      string
		variables map[string]any
		want      []string
	}{
		{"another environment", told("MISBEHAVE", "environment"),
			[]string{`(Task): differs from the template: GREETING is "changed"; the template says "hello"`}},
		{"no start", told("MISBEHAVE", "start"),
			[]string{"stack containers: " + fixture + " has ended by itself\n", "Task.log:\nit does not start\n", "\nserver Task: exit status 3"}},
		{"another port", told("GENAI_LISTEN", ":9090"),
			[]string{`stack containers, resource Task: GENAI_LISTEN is ":9090", and requests are sent to port 8080`}},
		{"a variable of the local run", told("AWS_ENDPOINT_URL", "http://there"),
			[]string{"environment variable AWS_ENDPOINT_URL is set by the template and by the local run"}},
		{"a variable that only AWS knows", told("TABLE", map[string]any{"Fn::GetAtt": []any{"Table", "Arn"}}),
			[]string{`Environment[2].Value: {"Fn::GetAtt":["Table","Arn"]} is only known to CloudFormation`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := running(t, map[string]any{"containers": task(fixture, tt.variables)})
			o.Once = true
			var out bytes.Buffer
			err := up.Run(t.Context(), o, &out)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v; want it to contain %q", err, want)
				}
			}
		})
	}
}

// at runs until the servers answer, and then does something with the URL of the first.
func at(ctx context.Context, o up.Options, then func(url string)) (output string, err error) {
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	var out *cancelAt
	out = &cancelAt{text: "Ctrl-C stops it.", cancel: func() { go then(url.FindString(out.buffer.String())) }}
	err = up.Run(ctx, o, out)
	return out.String(), err
}

func TestServerThatFalls(t *testing.T) {
	o := running(t, map[string]any{"containers": task(fixture, told()), "more": task(fixture, told())})
	_, err := at(t.Context(), o, func(url string) {
		if response, err := http.Get(url + "/fall"); err == nil {
			response.Body.Close()
			t.Errorf("it answers %s", response.Status)
		}
	})
	for _, want := range []string{"stack containers: " + fixture + " has ended by itself\n", "Task.log:\nit falls\n"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want it to contain %q", err, want)
		}
	}
}

func TestRequestsEndBeforeServersDo(t *testing.T) {
	o := running(t, map[string]any{"containers": task(fixture, told())})
	ctx, cancel := context.WithCancel(t.Context())
	body := make(chan string, 1)
	output, err := at(ctx, o, func(url string) {
		defer cancel()
		response, err := http.Get(url + "/until-the-end")
		if err != nil {
			body <- err.Error()
			return
		}
		go func() {
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			body <- fmt.Sprint(string(text), err)
		}()
	})
	if err != nil || !strings.HasSuffix(output, "nothing is left running.\n") {
		t.Errorf("got %v\n%s", err, output)
	}
	if got := <-body; got != "ended well<nil>" {
		t.Errorf("the request got %q", got)
	}
}

// keyed is the real server's environment where callers have keys.
func keyed(secret any) map[string]any {
	return map[string]any{
		"GENAI_LISTEN": ":8080", "GENAI_ENVIRONMENT": "test", "GENAI_VARIANT": "containers",
		"GENAI_ALIASES": `[{"name":"haiku","targets":[{"model":"global.anthropic.claude-haiku-5-5","region":"us-east-1"}],"defaultMaxTokens":100,"maxTokens":1000}]`,
		"GENAI_AUTH":    "keys", "GENAI_AUTH_SECRET": secret,
	}
}

var keysOf = map[string]any{
	"Resources": map[string]any{"Keys": map[string]any{"Type": "AWS::SecretsManager::Secret"}},
	"Outputs":   map[string]any{"Arn": map[string]any{"Value": map[string]any{"Ref": "Keys"}}},
}

func TestCallersWithKeys(t *testing.T) {
	secret := map[string]any{"Fn::GetStackOutput": map[string]any{"StackName": "data", "Region": "us-east-1", "OutputName": "Arn"}}
	o := running(t, map[string]any{"data": keysOf, "containers": task("./runtime/cmd/server", keyed(secret)), "named": task("./runtime/cmd/server", keyed("a-name"))})
	o.Once = true
	var out bytes.Buffer
	if err := up.Run(t.Context(), o, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	keys := regexp.MustCompile(auth.KeyPrefix+`[^ ']+`).FindAllString(out.String(), -1)
	if len(slices.Compact(slices.Sorted(slices.Values(keys)))) != 1 {
		t.Errorf("the keys are %q; want one", keys)
	}
	for _, want := range []string{"made for this run and good for nothing else", "the same at http://127.0.0.1:", "was asked: Say hello.", "event: message_stop"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
	log, err := os.ReadFile(filepath.Join(o.Root, ".build", "local", "containers", "Task.log"))
	if err != nil || !strings.Contains(string(log), `"tenant":"local","auth":"keys"`) || strings.Contains(string(log), keys[0]) {
		t.Errorf("the log says %s, %v", log, err)
	}
}

// What is recorded of the requests is stored when the run ends.
func TestServersWithAnArchive(t *testing.T) {
	variables := keyed("a-name")
	variables["GENAI_ARCHIVE_BUCKET"] = map[string]any{"Ref": "Records"}
	template := task("./runtime/cmd/server", variables).(map[string]any)
	template["Resources"].(map[string]any)["Records"] = map[string]any{"Type": "AWS::S3::Bucket"}
	o := running(t, map[string]any{"containers": template})
	o.Once = true
	var out bytes.Buffer
	if err := up.Run(t.Context(), o, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	log, err := os.ReadFile(filepath.Join(o.Root, ".build", "local", "containers", "Task.log"))
	if err != nil || !strings.Contains(string(log), `"ArchiveWritten":2,"ArchiveLost":0`) {
		t.Errorf("the log says %s, %v", log, err)
	}
}

// An instance must be told its Region, as in AWS.
func TestKeysAreNotReadWithoutARegion(t *testing.T) {
	var document strings.Builder
	for name, value := range keyed("a-name") {
		fmt.Fprintf(&document, "%s=\"%s\"\n", name, strings.ReplaceAll(value.(string), `"`, `\"`))
	}
	instances := func(further string) any {
		return map[string]any{"Resources": map[string]any{"Template": map[string]any{
			"Type":     "AWS::EC2::LaunchTemplate",
			"Metadata": map[string]any{settings.BinaryMetadata: "./runtime/cmd/server"},
			"Properties": map[string]any{"LaunchTemplateData": map[string]any{"UserData": map[string]any{
				"Fn::Base64": "cat >/e <<'END'\n" + document.String() + further + "END\nEnvironmentFile=/e\n"}}},
		}}}
	}
	for further, works := range map[string]bool{"AWS_REGION=\"us-east-1\"\n": true, "": false} {
		o := running(t, map[string]any{"instances": instances(further)})
		o.Once = true
		var out bytes.Buffer
		err := up.Run(t.Context(), o, &out)
		log, _ := os.ReadFile(filepath.Join(o.Root, ".build", "local", "instances", "Template.log"))
		if (err == nil) != works || strings.Contains(string(log), "not signed for Secrets Manager in a Region") == works {
			t.Errorf("with %q got %v and the log\n%s", further, err, log)
		}
	}
}
