package conformance_test

import (
	"net"
	"os"
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
	confined.RunTests(t, append(os.Environ(), preparedIn+"="+built.dir), confinedTests...)
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
