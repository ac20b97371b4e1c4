package core

import (
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth/oidc"
	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/secrets"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// authenticator is what the settings ask for. A mode that it does not know is an error and never an open door.
func authenticator(s settings.Auth, aws aws.Config, log *slog.Logger) (gateway.Authenticator, error) {
	switch s.Mode {
	case settings.AuthKeys:
		return auth.NewKeys(auth.KeysOptions{Secret: secrets.New(aws, s.Secret), Log: log}), nil
	case settings.AuthOIDC:
		return oidc.New(oidc.Options{Issuer: s.Issuer, Audience: s.Audience, JWKSURL: s.JWKSURL, TenantClaim: s.TenantClaim, Log: log}), nil
	case settings.AuthGateway:
		return auth.Gateway{}, nil
	case settings.AuthOff:
		if len(s.OffReason) < settings.LeastOffReason {
			return nil, fmt.Errorf("%s=%s without a reason", settings.EnvAuth, settings.AuthOff)
		}
		log.Warn("authentication is off: anyone who reaches this program may call models", "reason", s.OffReason)
		return auth.Off{}, nil
	}
	return nil, fmt.Errorf("%s: %q is no way to know callers", settings.EnvAuth, s.Mode)
}
