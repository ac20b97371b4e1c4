package settings

import (
	"errors"
	"net"
	"strings"
)

// The environment variables of the program that tests a new version before callers reach it.
const (
	EnvHookVersion = "GENAI_HOOK_VERSION"
	EnvHookAddress = "GENAI_HOOK_ADDRESS"
	EnvHookHost    = "GENAI_HOOK_HOST" // with an address
	EnvHookModel   = "GENAI_HOOK_MODEL"
)

// A request with this header reaches the new version of a server where a balancer has one beside the old.
const (
	TestHeader      = "X-Genai-Version"
	TestHeaderValue = "new"
)

// Hook is what the program that tests a new version is told: of a function its Version, of a server its Address.
type Hook struct {
	Version string // ARN of the function's new version
	Address string // host and port of the balancer
	Host    string // the name that the balancer's certificate is for; required with Address
	// Model is the alias that is asked; empty where callers must have credentials, for then nobody without must get in.
	Model string
}

// Encode returns the environment that LoadHook reads as h. What is empty is left out.
func (h Hook) Encode() map[string]string {
	variables := map[string]string{}
	for name, text := range map[string]string{EnvHookVersion: h.Version, EnvHookAddress: h.Address, EnvHookHost: h.Host, EnvHookModel: h.Model} {
		if text != "" {
			variables[name] = text
		}
	}
	return variables
}

// LoadHook reads the environment. Its error names every problem.
func LoadHook(getenv func(string) string) (Hook, error) {
	h := Hook{Version: getenv(EnvHookVersion), Address: getenv(EnvHookAddress), Host: getenv(EnvHookHost), Model: getenv(EnvHookModel)}
	l := &loader{getenv: getenv}
	if (h.Version == "") == (h.Address == "") {
		l.problem(EnvHookVersion, "is %q, and %s is %q; exactly one says what is tested", h.Version, EnvHookAddress, h.Address)
	}
	// A function's name alone would mean its unpublished code.
	if h.Version != "" && strings.Count(h.Version, ":") != 7 {
		l.problem(EnvHookVersion, "is %q; allowed is the ARN of a version, which ends in its number", h.Version)
	}
	if h.Address != "" {
		if _, _, err := net.SplitHostPort(h.Address); err != nil {
			l.problem(EnvHookAddress, "is %q; allowed is a host and a port, such as \"balancer.example.com:443\"", h.Address)
		}
	}
	if (h.Address == "") != (h.Host == "") {
		l.problem(EnvHookHost, "is %q, and %s is %q; they belong together", h.Host, EnvHookAddress, h.Address)
	}
	return h, errors.Join(l.problems...)
}
