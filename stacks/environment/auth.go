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
	// SmokeKey is the name or ARN of a secret that holds nothing but an API key, or with AuthOIDC a token, for the smoke
	// test of a new version; AuthKeys and AuthOIDC only. Default: that asks no model.
	SmokeKey string
	Reason   string // AuthOff: why anyone may call; required, else empty

	// AuthOIDC, else empty.
	Issuer      string // https URL; required
	Audience    string // that tokens must be for; required
	JWKSURL     string // https URL of the issuer's keys; default: discovered
	TenantClaim string // whose value is the tenant; default settings.DefaultTenantClaim
}

// The modes.
const (
	AuthKeys = "keys" // by API keys
	AuthOIDC = "oidc" // by the tokens of an OpenID Connect issuer
	AuthIAM  = "iam"  // as API Gateway or Lambda has authenticated them
	AuthOff  = "off"  // not at all
)

// secretForm is a name, or the whole ARN that Secrets Manager gave it, with its six characters at the end.
var secretForm = regexp.MustCompile(`^([A-Za-z0-9/_+=.@-]{1,256}|arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,256}-[A-Za-z0-9]{6})$`)

// The forms of what says whose tokens count.
var (
	urlForm  = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s?#]*)?$`)
	wordForm = regexp.MustCompile(`^\S{1,256}$`)
)

const urlWords = `a URL such as "https://issuer.example.com"`

func (v value) auth(a *Auth) {
	mode := ""
	v.object(fields{
		"mode":        func(v value) { v.choice(&mode, AuthKeys, AuthOIDC, AuthIAM, AuthOff) },
		"secret":      func(v value) { v.match(&a.Secret, secretForm, "the name of a secret, or its whole ARN") },
		"smokeKey":    func(v value) { v.match(&a.SmokeKey, secretForm, "the name of a secret, or its whole ARN") },
		"issuer":      func(v value) { v.match(&a.Issuer, urlForm, urlWords) },
		"audience":    func(v value) { v.match(&a.Audience, wordForm, "1 to 256 characters without a space") },
		"jwksUrl":     func(v value) { v.match(&a.JWKSURL, urlForm, urlWords) },
		"tenantClaim": func(v value) { v.match(&a.TenantClaim, wordForm, "1 to 256 characters without a space") },
		"reason":      func(v value) { v.match(&a.Reason, reasonForm, "a sentence of at least 20 characters") },
	}, "mode")
	if mode == "" {
		return // already a problem
	}
	a.Mode = mode
	if path := join(v.path, "smokeKey"); v.d.lines[path] != 0 && mode != AuthKeys && mode != AuthOIDC {
		v.d.problem(path, "is only for mode: keys and mode: oidc; remove it")
	}
	for _, only := range []struct{ key, mode string }{
		{"secret", AuthKeys}, {"issuer", AuthOIDC}, {"audience", AuthOIDC}, {"jwksUrl", AuthOIDC}, {"tenantClaim", AuthOIDC}, {"reason", AuthOff},
	} {
		path := join(v.path, only.key)
		if v.d.lines[path] != 0 && mode != only.mode {
			v.d.problem(path, "is only for mode: %s; remove it", only.mode)
		}
	}
	for _, key := range []string{"issuer", "audience"} {
		if path := join(v.path, key); mode == AuthOIDC && v.d.lines[path] == 0 {
			v.d.problem(path, "is missing; mode: oidc requires it; add it")
		}
	}
	if path := join(v.path, "reason"); mode == AuthOff && v.d.lines[path] == 0 {
		v.d.problem(path, "is missing; with mode: off anyone who reaches the gateway may call models at your cost; "+
			"add a sentence that says why that is meant")
	}
}

// auth holds the mode against what is in front of the program: someone must ask who the caller is.
func (c checker) auth(e *Environment) {
	if e.Auth.Mode == AuthOff && e.Account != settings.LocalAccount {
		c.d.problem("auth.mode", `is "off", and account is %q: only the local run, whose account is %q, may do without; write "iam", "keys" or "oidc"`,
			e.Account, settings.LocalAccount)
	}
	c.region(e)
	if e.Serverless == nil {
		return
	}
	api := e.Serverless.API
	switch {
	case e.Auth.Mode == AuthIAM && api != nil && api.Authorizer == AuthorizerNone:
		c.d.problem("serverless.api.authorizer", `is "none", and so is all that auth.mode "iam" relies on: every request would `+
			`be refused; write "iam", or add auth: with mode: keys or oidc, or with mode: off and a reason`)
	case (e.Auth.Mode == AuthKeys || e.Auth.Mode == AuthOIDC) && api == nil:
		c.d.problem("auth.mode", "is %q, and a function without an API is shown neither keys nor tokens: every invocation would be "+
			`refused; write "iam", or add serverless.api`, e.Auth.Mode)
	case e.Auth.Mode == AuthOIDC && api.Authorizer == AuthorizerIAM:
		c.d.problem("auth.mode", `is "oidc", and serverless.api.authorizer "iam" leaves no room for a token: both are sent as `+
			`Authorization; write authorizer: none, or mode: iam`)
	}
}

// region holds where the secrets are against where they are read.
func (c checker) region(e *Environment) {
	for _, named := range []struct{ path, secret string }{{"auth.secret", e.Auth.Secret}, {"auth.smokeKey", e.Auth.SmokeKey}} {
		if !strings.HasPrefix(named.secret, "arn:") {
			continue
		}
		home := strings.Split(named.secret, ":")[3]
		for _, region := range e.Regions {
			if region != home {
				c.d.problem(named.path, "is in %s, and regions has %s; give the name of a secret that is in every Region", home, region)
			}
		}
	}
}

// settings is what a program is told. Where the stack makes the secret, the stack adds its ARN.
func (a Auth) settings() settings.Auth {
	switch a.Mode {
	case AuthKeys:
		return settings.Auth{Mode: settings.AuthKeys, Secret: a.Secret}
	case AuthOIDC:
		claim := a.TenantClaim
		if claim == "" {
			claim = settings.DefaultTenantClaim
		}
		return settings.Auth{Mode: settings.AuthOIDC, Issuer: a.Issuer, Audience: a.Audience, JWKSURL: a.JWKSURL, TenantClaim: claim}
	case AuthOff:
		return settings.Auth{Mode: settings.AuthOff, OffReason: a.Reason}
	}
	return settings.Auth{Mode: settings.AuthGateway}
}
