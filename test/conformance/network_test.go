package conformance_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/test/confined"
)

// confinedTests are run once more without a network. Together they use every stand-in: Bedrock, Secrets Manager, the
// bucket of the archive and an issuer of tokens.
var confinedTests = []string{
	"TestThereIsNoNetwork", "TestOpenAI", "TestAnthropic", "TestHealth", "TestAPIKeys", "TestTokens", "TestDirectInvocation",
	"TestArchiveHoldsEveryRequestWhenTheServerEnds",
}

// TestProgramsNeedNothingButTheirEndpoints runs the programs where only loopback is. Where strace works, it also looks at
// every address that any process tried to reach, so that a program that shrugs at a failed look-up is found, too.
func TestProgramsNeedNothingButTheirEndpoints(t *testing.T) {
	confined.Require(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := []string{self, "-test.v", "-test.timeout=4m", "-test.run=^(" + strings.Join(confinedTests, "|") + ")$"}
	calls := filepath.Join(t.TempDir(), "calls")
	tracer := []string{"strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-e", "signal=none", "-o", calls}
	traced := exec.Command(tracer[0], append(tracer[1:], "true")...).Run()
	if traced == nil {
		command = append(tracer, command...)
	}
	command = confined.WithoutNetwork(command...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), preparedIn+"="+built.dir)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, name := range confinedTests {
		if !strings.Contains(string(output), "\n--- PASS: "+name+" ") {
			t.Errorf("%s did not pass", name)
		}
	}
	if traced != nil {
		t.Logf("the programs answered, but nothing looked at what else they tried to reach: strace: %v", traced)
		return
	}
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	checkAddresses(t, string(text))
}

// What the calls of a trace name, as strace writes it.
var (
	family = regexp.MustCompile(`sa_family=(AF_\w+)`)
	names  = regexp.MustCompile(`sin6?_port=htons\(53\)`) // of DNS; a machine's own server of names may be on loopback
	local  = regexp.MustCompile(`sa_family=AF_INET, sin_port=htons\(\d+\), sin_addr=inet_addr\("127\.0\.0\.1"\)|inet_pton\(AF_INET6, "::1"`)
)

func checkAddresses(t *testing.T, trace string) {
	t.Helper()
	reached := 0
	for line := range strings.Lines(trace) {
		match := family.FindStringSubmatch(line)
		switch {
		case match == nil: // over a connection that is there
		case local.MatchString(line) && !names.MatchString(line):
			reached++
		case match[1] == "AF_NETLINK": // asks the kernel
		default:
			t.Errorf("something else was tried: %s", line)
		}
	}
	if reached == 0 {
		t.Error("no connection was seen; the trace does not work")
	}
}

// TestThereIsNoNetwork holds the surroundings of the tests that need them so.
func TestThereIsNoNetwork(t *testing.T) {
	if os.Getenv(preparedIn) == "" {
		t.Skip("TestProgramsNeedNothingButTheirEndpoints runs it")
	}
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) != 1 || interfaces[0].Flags&net.FlagLoopback == 0 {
		t.Errorf("the interfaces are %v, %v", interfaces, err)
	}
}
