package assembly_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/assembly"
)

func serversOf(t *testing.T, stack string) ([]assembly.Server, error) {
	t.Helper()
	a, err := assembly.Read(filepath.Join("testdata", "servers"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.Stack(stack)
	if err != nil {
		t.Fatal(err)
	}
	return s.Servers()
}

func TestServers(t *testing.T) {
	got, err := serversOf(t, "servers")
	if err != nil {
		t.Fatal(err)
	}
	const program, secret = "./runtime/cmd/server", "arn:aws:secretsmanager:us-east-1:111122223333:secret:data-Keys-EXAMPLE"
	want := []assembly.Server{
		{LogicalID: "Plain", Task: true, Program: program, Environment: map[string]string{}, StopTimeout: 30 * time.Second},
		{LogicalID: "Task", Task: true, Program: program, Port: 8080, StopTimeout: 2 * time.Minute, User: "65532:65532", Environment: map[string]string{
			"GENAI_ARCHIVE_BUCKET": "servers-records-example", "GENAI_AUTH_SECRET": secret, "GENAI_LISTEN": ":8080", "NUMBER": "3",
		}},
		{LogicalID: "Bare", Program: program, Environment: map[string]string{}, StopTimeout: 90 * time.Second},
		{LogicalID: "Template", Program: program, Port: 9090, StopTimeout: 95 * time.Second, Environment: map[string]string{
			"EMPTY": "", "GENAI_AUTH_SECRET": secret, "GENAI_LISTEN": ":9090", "QUOTED": "[\"a\"] \\ $x `y` \\n END_OF_FILE",
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a program is told must be known; the rest of a script need not be.
func TestServersThatCannotBeRead(t *testing.T) {
	_, err := serversOf(t, "wrong")
	if err == nil {
		t.Fatal("no error")
	}
	var first *assembly.UnresolvedError
	if !errors.As(err, &first) || first.Resource != "Fetched" || first.Path != "Properties.ContainerDefinitions.0.Secrets" {
		t.Errorf("got %#v", first)
	}
	for _, want := range []string{
		`resource Fetched, Properties.ContainerDefinitions.0.Environment[0].Value: {"Ref":"Table"} is only known to CloudFormation`,
		`stack wrong, resource Pair: has 2 containers; a local run starts tasks of one`,
		`resource Deep, Properties.LaunchTemplateData.UserData.Fn::Base64, TABLE: {"Ref":"Table"} is only known to CloudFormation`,
		`resource Deep, Properties.LaunchTemplateData.UserData.Fn::Base64, SUB: "${Nothing}" is only known to CloudFormation`,
		`the line "BARE=x" of /e is not NAME="VALUE"`,
		`TimeoutStopSec is "2min"; a local run reads seconds`,
		`resource Without, Properties.LaunchTemplateData.UserData.Fn::Base64: {"Fn::If":["Condition","a","b"]} is only known`,
		`resource Without, Properties.LaunchTemplateData.UserData.Fn::Base64: writes no environment file for a systemd unit`,
		`resource Unended, Properties.LaunchTemplateData.UserData.Fn::Base64: has no end E of /e`,
		`resource Twice, Properties.LaunchTemplateData.UserData.Fn::Base64: has EnvironmentFile 2 times`,
		`resource Nothing, Properties.LaunchTemplateData.UserData.Fn::Base64: is missing or not a text in Base64`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "\x00") {
		t.Errorf("a mark is left in\n%v", err)
	}
}
