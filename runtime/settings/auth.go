package settings

import (
	"net"
	"net/url"
	"unicode/utf8"
)

// field is a variable that belongs to one mode.
type field struct {
	name, mode string
	value      *string
}

func (a *Auth) fields() []field {
	return []field{
		{EnvAuthSecret, AuthKeys, &a.Secret},
		{EnvAuthIssuer, AuthOIDC, &a.Issuer},
		{EnvAuthAudience, AuthOIDC, &a.Audience},
		{EnvAuthJWKSURL, AuthOIDC, &a.JWKSURL},
		{EnvAuthTenantClaim, AuthOIDC, &a.TenantClaim},
		{EnvAuthOffReason, AuthOff, &a.OffReason},
	}
}

// encode adds the mode and what belongs to it.
func (a Auth) encode(into map[string]string) {
	into[EnvAuth] = a.Mode
	for _, f := range a.fields() {
		if f.mode == a.Mode && *f.value != "" {
			into[f.name] = *f.value
		}
	}
}

// auth reads the mode, which has no default here: a program that is not told how to know its callers does not start.
// A variable of another mode is a contradiction, and not for a program to resolve.
func (l *loader) auth(into *Auth) {
	*into = Auth{}
	l.choice(EnvAuth, &into.Mode, AuthKeys, AuthOIDC, AuthGateway, AuthOff)
	for _, f := range into.fields() {
		text := l.getenv(f.name)
		switch {
		case f.mode == into.Mode:
			*f.value = text
		case text != "":
			l.problem(f.name, "is set, and %s is %q; it is only for %q", EnvAuth, into.Mode, f.mode)
		}
	}
	switch into.Mode {
	case AuthKeys:
		l.text(EnvAuthSecret, &into.Secret)
	case AuthOIDC:
		l.secureURL(EnvAuthIssuer, into.Issuer)
		l.text(EnvAuthAudience, &into.Audience)
		if into.JWKSURL != "" {
			l.secureURL(EnvAuthJWKSURL, into.JWKSURL)
		}
		if into.TenantClaim == "" {
			into.TenantClaim = DefaultTenantClaim
		}
	case AuthOff:
		if utf8.RuneCountInString(into.OffReason) < LeastOffReason {
			l.problem(EnvAuthOffReason, "is %q; %s=%s needs a reason of at least %d characters",
				into.OffReason, EnvAuth, AuthOff, LeastOffReason)
		}
	}
}

// secureURL wants https, for who can change what an issuer says can be anyone; but on this machine it is nobody else.
func (l *loader) secureURL(name, text string) {
	u, err := url.Parse(text)
	ok := err == nil && u.Host != ""
	if ok && u.Scheme == "http" {
		ip := net.ParseIP(u.Hostname())
		ok = ip != nil && ip.IsLoopback()
	} else if ok {
		ok = u.Scheme == "https"
	}
	if !ok {
		l.problem(name, "is %q; allowed is a URL with https", text)
	}
}
