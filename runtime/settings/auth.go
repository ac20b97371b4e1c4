package settings

import "unicode/utf8"

// encode adds the mode and what belongs to it.
func (a Auth) encode(into map[string]string) {
	into[EnvAuth] = a.Mode
	switch a.Mode {
	case AuthKeys:
		into[EnvAuthSecret] = a.Secret
	case AuthOff:
		into[EnvAuthOffReason] = a.OffReason
	}
}

// auth reads the mode, which has no default here: a program that is not told how to know its callers does not start.
// A variable of another mode is a contradiction, and not for a program to resolve.
func (l *loader) auth(into *Auth) {
	*into = Auth{}
	l.choice(EnvAuth, &into.Mode, AuthKeys, AuthGateway, AuthOff)
	for _, v := range []struct{ name, mode string }{
		{EnvAuthSecret, AuthKeys}, {EnvAuthOffReason, AuthOff},
	} {
		if into.Mode != v.mode && l.getenv(v.name) != "" {
			l.problem(v.name, "is set, and %s is %q; it is only for %q", EnvAuth, into.Mode, v.mode)
		}
	}
	switch into.Mode {
	case AuthKeys:
		l.text(EnvAuthSecret, &into.Secret)
	case AuthOff:
		into.OffReason = l.getenv(EnvAuthOffReason)
		if utf8.RuneCountInString(into.OffReason) < LeastOffReason {
			l.problem(EnvAuthOffReason, "is %q; %s=%s needs a reason of at least %d characters",
				into.OffReason, EnvAuth, AuthOff, LeastOffReason)
		}
	}
}
