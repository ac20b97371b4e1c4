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
	EnvHookAuth    = "GENAI_HOOK_AUTH"
	EnvHookModel   = "GENAI_HOOK_MODEL"
	// What Anthropic's surface serves, which may be another model than OpenAI's surface is asked for.
	EnvHookMessagesModel = "GENAI_HOOK_MESSAGES_MODEL"
	EnvHookKeySecret     = "GENAI_HOOK_KEY_SECRET"
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
	// Auth is what the program asks callers for: AuthKeys or AuthOIDC. Empty where it asks them for nothing, for the
	// platform knows them, or nobody must be known.
	Auth string
	// Model and MessagesModel are the aliases that are asked, on OpenAI's surface and on Anthropic's; empty: that one is
	// not. Without Auth, Model is required; with it, where there is a KeySecret, and only there.
	Model, MessagesModel string
	// KeySecret is the name or ARN of a secret with nothing but an API key, or with AuthOIDC a token; with Auth alone.
	KeySecret string
}

// Encode returns the environment that LoadHook reads as h. What is empty is left out.
func (h Hook) Encode() map[string]string {
	variables := map[string]string{}
	for name, text := range map[string]string{
		EnvHookVersion: h.Version, EnvHookAddress: h.Address, EnvHookHost: h.Host,
		EnvHookAuth: h.Auth, EnvHookModel: h.Model, EnvHookMessagesModel: h.MessagesModel, EnvHookKeySecret: h.KeySecret,
	} {
		if text != "" {
			variables[name] = text
		}
	}
	return variables
}

// LoadHook reads the environment. Its error names every problem.
func LoadHook(getenv func(string) string) (Hook, error) {
	h := Hook{
		Version: getenv(EnvHookVersion), Address: getenv(EnvHookAddress), Host: getenv(EnvHookHost),
		Auth: getenv(EnvHookAuth), Model: getenv(EnvHookModel), MessagesModel: getenv(EnvHookMessagesModel), KeySecret: getenv(EnvHookKeySecret),
	}
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
	switch {
	case h.Auth != "" && h.Auth != AuthKeys && h.Auth != AuthOIDC:
		l.problem(EnvHookAuth, "is %q; allowed are %q, %q and nothing", h.Auth, AuthKeys, AuthOIDC)
	case h.KeySecret != "" && h.Auth == "":
		l.problem(EnvHookKeySecret, "is %q, and %s is empty; a credential is for %q and %q alone", h.KeySecret, EnvHookAuth, AuthKeys, AuthOIDC)
	case (h.Model == "") != (h.Auth != "" && h.KeySecret == ""):
		l.problem(EnvHookModel, "is %q, with %s %q and %s %q; a model is asked where it can be, and only there", h.Model, EnvHookAuth, h.Auth, EnvHookKeySecret, h.KeySecret)
	case h.MessagesModel != "" && h.Model == "":
		l.problem(EnvHookMessagesModel, "is %q, and %s is empty; they belong together", h.MessagesModel, EnvHookModel)
	}
	return h, errors.Join(l.problems...)
}
