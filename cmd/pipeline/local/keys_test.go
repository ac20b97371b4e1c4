package local_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/local"
	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/feedback"
)

func TestVaultHoldsWhatTemplatesName(t *testing.T) {
	if local.NewVault(nil, map[string]string{"GENAI_AUTH": "off", "GENAI_AUTH_SECRET": "other"}) != nil {
		t.Error("there is a vault although nobody has keys")
	}
	vault := local.NewVault(map[string]string{"GENAI_AUTH": "off", "GENAI_AUTH_SECRET": "other"}, map[string]string{"GENAI_AUTH": "keys", "GENAI_AUTH_SECRET": "keys", "GENAI_FEEDBACK_SECRET": "feedback"},
		map[string]string{"GENAI_AUTH": "off", "GENAI_FEEDBACK_SECRET": "feedback"})
	server := httptest.NewServer(vault)
	defer server.Close()
	client := func(region string) *secretsmanager.Client {
		return secretsmanager.New(secretsmanager.Options{BaseEndpoint: aws.String(server.URL), Region: region,
			Credentials: credentials.NewStaticCredentialsProvider("AKIDLOCAL", "local", "")})
	}
	found, err := client("us-east-1").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("keys")})
	if err != nil {
		t.Fatal(err)
	}
	if text := *found.SecretString; !strings.Contains(text, auth.HashKey(vault.Key)) || strings.Contains(text, vault.Key) {
		t.Errorf("the secret is %s", text)
	}
	made, err := client("us-east-1").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("feedback")})
	if err != nil || len(*made.SecretString) < feedback.LeastSecret || *made.SecretString == *found.SecretString {
		t.Errorf("the secret of feedback ids: %v, %v", made, err)
	}
	for _, tt := range []struct{ secret, region, want string }{
		{"other", "us-east-1", "ResourceNotFoundException"},
		{"keys", "", "InvalidSignatureException"},
	} {
		_, err := client(tt.region).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(tt.secret)})
		var failure smithy.APIError
		if !errors.As(err, &failure) || failure.ErrorCode() != tt.want {
			t.Errorf("secret %q in Region %q: %v; want %s", tt.secret, tt.region, err, tt.want)
		}
	}
	if _, err := client("us-east-1").ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{}); err == nil {
		t.Error("it lists secrets")
	}
}

// Who has no keys has a vault all the same where answers are rated, and no key is said to be needed.
func TestVaultWithoutKeys(t *testing.T) {
	vault := local.NewVault(map[string]string{"GENAI_AUTH": "off", "GENAI_FEEDBACK_SECRET": "feedback"})
	if vault == nil || vault.Key != "" {
		t.Errorf("the vault is %+v", vault)
	}
}
