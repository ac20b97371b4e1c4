package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
)

// ecrHost is a private registry of ECR, with its Region: also dual-stack and FIPS ones.
var ecrHost = regexp.MustCompile(`^\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|amazonaws\.com\.cn|on\.aws)$`)

// Keychain finds the credentials for a registry. It asks ECR for a token, valid 12 hours, when the registry is one of
// ECR's; any other gets what docker login, podman login or crane auth login stored.
func Keychain() authn.Keychain { return keychain{} }

type keychain struct{}

// Resolve is ResolveContext without an end; authn.Keychain wants it.
func (k keychain) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), resource)
}

// ResolveContext finds the credentials for a registry or a repository in it; without any it is authn.Anonymous.
func (keychain) ResolveContext(ctx context.Context, resource authn.Resource) (authn.Authenticator, error) {
	match := ecrHost.FindStringSubmatch(resource.RegistryStr())
	if match == nil {
		return authn.Resolve(ctx, authn.DefaultKeychain, resource)
	}
	auth, err := token(ctx, match[1])
	if err != nil {
		return nil, fmt.Errorf("sign in to %s: %w", resource.RegistryStr(), err)
	}
	return auth, nil
}

// token asks ECR in a Region for a name and password.
func token(ctx context.Context, region string) (authn.Authenticator, error) {
	found, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, err
	}
	answer, err := ecr.NewFromConfig(found).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return nil, err
	}
	if len(answer.AuthorizationData) == 0 || answer.AuthorizationData[0].AuthorizationToken == nil {
		return nil, errors.New("ECR answered without a token")
	}
	text, err := base64.StdEncoding.DecodeString(*answer.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		return nil, errors.New("ECR answered with a token that is not in base64")
	}
	user, password, ok := strings.Cut(string(text), ":")
	if !ok {
		return nil, errors.New("ECR answered with a token that is not a name and a password")
	}
	return authn.FromConfig(authn.AuthConfig{Username: user, Password: password}), nil
}
