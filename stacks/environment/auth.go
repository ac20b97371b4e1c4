package environment

import (
	"regexp"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Auth is how the gateway knows its callers.
type Auth struct {
	Mode   string // one of the modes; default AuthIAM
	Secret string // AuthKeys: name or ARN of the secret with the keys' hashes; empty, the default: the stack makes one
	Reason string // AuthOff: why anyone may call; required, else empty
}

// The modes.
const (
	AuthKeys = "keys" // by API keys
	AuthIAM  = "iam"  // as API Gateway or Lambda has authenticated them
	AuthOff  = "off"  // not at all
)

// secretForm is a name, or the whole ARN that Secrets Manager gave it, with its six characters at the end.
var secretForm = regexp.MustCompile(`^([A-Za-z0-9/_+=.@-]{1,256}|arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,256}-[A-Za-z0-9]{6})$`)

func (v value) auth(a *Auth) {
	mode := ""
	v.object(fields{
		"mode":   func(v value) { v.choice(&mode, AuthKeys, AuthIAM, AuthOff) },
		"secret": func(v value) { v.match(&a.Secret, secretForm, "the name of a secret, or its whole ARN") },
		"reason": func(v value) { v.match(&a.Reason, reasonForm, "a sentence of at least 20 characters") },
	}, "mode")
	if mode == "" {
		return // already a problem
	}
	a.Mode = mode
	for _, only := range []struct{ key, mode string }{{"secret", AuthKeys}, {"reason", AuthOff}} {
		path := join(v.path, only.key)
		if v.d.lines[path] != 0 && mode != only.mode {
			v.d.problem(path, "is only for mode: %s; remove it", only.mode)
		}
	}
	if path := join(v.path, "reason"); mode == AuthOff && v.d.lines[path] == 0 {
		v.d.problem(path, "is missing; with mode: off anyone who reaches the gateway may call models at your cost; "+
			"add a sentence that says why that is meant")
	}
}

// auth holds the mode against what is in front of the program: someone must ask who the caller is.
func (c checker) auth(e *Environment) {
	api := e.Serverless.API
	switch {
	case e.Auth.Mode == AuthIAM && api != nil && api.Authorizer == AuthorizerNone:
		c.d.problem("serverless.api.authorizer", `is "none", and so is all that auth.mode "iam" relies on: every request would `+
			`be refused; write "iam", or add auth: with mode: keys, or with mode: off and a reason`)
	case e.Auth.Mode == AuthKeys && api == nil:
		c.d.problem("auth.mode", `is "keys", and a function without an API is given none: every invocation would be refused; `+
			`write "iam", or add serverless.api`)
	case e.Auth.Mode == AuthOff && e.Production:
		c.d.problem("auth.mode", `is "off", and production is true; write "iam" or "keys"`)
	}
	if !strings.HasPrefix(e.Auth.Secret, "arn:") {
		return
	}
	home := strings.Split(e.Auth.Secret, ":")[3]
	for _, region := range e.Regions {
		if region != home {
			c.d.problem("auth.secret", "is in %s, and regions has %s; give the name of a secret that is in every Region", home, region)
		}
	}
}

// settings is what a program is told. Where the stack makes the secret, the stack adds its ARN.
func (a Auth) settings() settings.Auth {
	switch a.Mode {
	case AuthKeys:
		return settings.Auth{Mode: settings.AuthKeys, Secret: a.Secret}
	case AuthOff:
		return settings.Auth{Mode: settings.AuthOff, OffReason: a.Reason}
	}
	return settings.Auth{Mode: settings.AuthGateway}
}
