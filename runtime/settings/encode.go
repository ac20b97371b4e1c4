package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"
)

// Encode returns the environment variables that make Load return s.
func (s Settings) Encode() map[string]string {
	// Marshalling plain strings and numbers cannot fail.
	aliases, _ := json.Marshal(s.Aliases)
	variables := map[string]string{
		EnvEnvironment:    s.Environment,
		EnvVariant:        s.Variant,
		EnvAliases:        string(aliases),
		EnvMaxBodyBytes:   strconv.Itoa(s.MaxBodyBytes),
		EnvRequestTimeout: s.RequestTimeout.String(),
		EnvPingInterval:   s.PingInterval.String(),
		EnvMaxCalls:       strconv.Itoa(s.MaxCalls),
		EnvLogLevel:       strings.ToLower(s.LogLevel.String()),
		EnvListen:         s.Listen,
		EnvDrainTimeout:   s.DrainTimeout.String(),
	}
	if s.BedrockClient == BedrockSDK { // for whoever looks for a fault: no template has it
		variables[EnvBedrockClient] = BedrockSDK
	}
	if s.FirstByte != Default().FirstByte {
		variables[EnvFirstByte] = s.FirstByte.String()
	}
	if s.HealthWindow > 0 { // for a drill that is faster than real time: no template has it
		variables[EnvHealthWindow] = s.HealthWindow.String()
	}
	if s.FeedbackSecret != "" {
		variables[EnvFeedbackSecret] = s.FeedbackSecret
	}
	s.Auth.encode(variables)
	s.Archive.encode(variables)
	s.Tracing.encode(variables)
	s.Limits.encode(variables, s.Variant)
	return variables
}

// Load reads and checks the settings. Its error joins one line for every problem there is, each naming the variable,
// what it holds and what is allowed.
func Load(getenv func(string) string) (Settings, error) {
	s := Default()
	l := loader{getenv: getenv}
	l.text(EnvEnvironment, &s.Environment)
	l.choice(EnvVariant, &s.Variant, VariantServerless, VariantContainers, VariantInstances)
	l.aliases(&s.Aliases)
	l.integer(EnvMaxBodyBytes, &s.MaxBodyBytes, 1<<10, 25<<20)
	l.duration(EnvRequestTimeout, &s.RequestTimeout, time.Second, 15*time.Minute)
	l.duration(EnvPingInterval, &s.PingInterval, 10*time.Millisecond, time.Minute)
	l.duration(EnvFirstByte, &s.FirstByte, time.Second, 15*time.Minute)
	l.duration(EnvHealthWindow, &s.HealthWindow, time.Second, 15*time.Minute)
	l.integer(EnvMaxCalls, &s.MaxCalls, 1, 10)
	if getenv(EnvBedrockClient) != "" {
		l.choice(EnvBedrockClient, &s.BedrockClient, BedrockFast, BedrockSDK)
	}
	l.level(EnvLogLevel, &s.LogLevel)
	l.address(EnvListen, &s.Listen)
	l.duration(EnvDrainTimeout, &s.DrainTimeout, time.Second, 15*time.Minute)
	l.auth(&s.Auth)
	s.FeedbackSecret = getenv(EnvFeedbackSecret)
	l.tracing(&s.Tracing)
	l.archive(&s.Archive, s.Variant)
	l.limits(&s.Limits, s.MaxBodyBytes)
	return s, errors.Join(l.problems...)
}

// loader collects problems while it reads, so that one start names them all.
type loader struct {
	getenv   func(string) string
	problems []error
}

func (l *loader) problem(name, format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

func (l *loader) text(name string, into *string) {
	*into = l.getenv(name)
	if *into == "" {
		l.problem(name, "is not set; it is required")
	}
}

func (l *loader) choice(name string, into *string, allowed ...string) {
	*into = l.getenv(name)
	for _, a := range allowed {
		if *into == a {
			return
		}
	}
	l.problem(name, "is %q; allowed are %s", *into, strings.Join(allowed, ", "))
}

func (l *loader) integer(name string, into *int, least, most int) {
	text := l.getenv(name)
	if text == "" {
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		l.problem(name, "is %q; allowed is a whole number from %d to %d", text, least, most)
		return
	}
	*into = n
}

func (l *loader) duration(name string, into *time.Duration, least, most time.Duration) {
	text := l.getenv(name)
	if text == "" {
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		l.problem(name, "is %q; allowed is a duration from %s to %s, such as \"90s\"", text, least, most)
		return
	}
	*into = d
}

func (l *loader) level(name string, into *slog.Level) {
	text := l.getenv(name)
	if text == "" {
		return
	}
	if err := into.UnmarshalText([]byte(text)); err != nil {
		l.problem(name, "is %q; allowed are debug, info, warn, error", text)
	}
}

func (l *loader) address(name string, into *string) {
	text := l.getenv(name)
	if text == "" {
		return
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		l.problem(name, "is %q; allowed is an address such as \":8080\" or \"127.0.0.1:8080\"", text)
		return
	}
	*into = text
}

func (l *loader) aliases(into *[]Alias) {
	text := l.getenv(EnvAliases)
	if text == "" {
		l.problem(EnvAliases, "is not set; it is required")
		return
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		l.problem(EnvAliases, "is not a JSON list of aliases: %v", err)
		return
	}
	if len(*into) == 0 {
		l.problem(EnvAliases, "is empty; at least one alias is required")
	}
	seen := map[string]bool{}
	for i, a := range *into {
		l.alias(fmt.Sprintf("%s[%d]", EnvAliases, i), a)
		if seen[a.Name] {
			l.problem(EnvAliases, "names %q twice", a.Name)
		}
		seen[a.Name] = true
	}
}

func (l *loader) alias(where string, a Alias) {
	if a.Name == "" {
		l.problem(where, "name is empty")
	}
	if len(a.Targets) == 0 {
		l.problem(where, "%q has no targets; at least one is required", a.Name)
	}
	for i, t := range a.Targets {
		if t.Model == "" || t.Region == "" {
			l.problem(where, "targets[%d] needs both model and region; got %q and %q", i, t.Model, t.Region)
		}
		if t.Profile != "" && !ProfileOf(t.Profile, t.Region) {
			l.problem(where, "targets[%d].profile is %q; allowed is the ARN of an application inference profile in %s", i, t.Profile, t.Region)
		}
	}
	if a.DefaultMaxTokens < 1 || a.MaxTokens < a.DefaultMaxTokens {
		l.problem(where, "needs 1 <= defaultMaxTokens <= maxTokens; got %d and %d", a.DefaultMaxTokens, a.MaxTokens)
	}
}
