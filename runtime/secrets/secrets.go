// Package secrets reads secrets from AWS Secrets Manager.
//
// It must not know what is in them.
package secrets

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Secret is one secret. It is safe for concurrent use.
type Secret struct {
	client *secretsmanager.Client
	id     string
}

// New returns the secret with a name or an ARN. It makes no call.
func New(config aws.Config, id string) *Secret {
	return &Secret{client: secretsmanager.NewFromConfig(config), id: id}
}

// Read returns the current value. It asks AWS every time; the SDK tries three times within the context's time.
func (s *Secret) Read(ctx context.Context) ([]byte, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.id})
	switch {
	case err != nil:
		return nil, err
	case out.SecretString != nil:
		return []byte(*out.SecretString), nil
	case out.SecretBinary != nil:
		return out.SecretBinary, nil
	}
	return nil, errors.New("the secret is empty")
}
