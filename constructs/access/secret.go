package access

import (
	"strings"

	"github.com/genai-pipeline/genai-pipeline/constructs/internal/token"
)

// SecretARN is what a policy must name to allow reading a secret that a program is told of by name or by ARN, which may
// be CDK tokens. Secrets Manager ends an ARN with six characters of its own, which a name does not tell.
func SecretARN(secret, region, account string) string {
	if strings.HasPrefix(secret, "arn:") || token.In(secret) {
		return secret
	}
	return "arn:aws:secretsmanager:" + region + ":" + account + ":secret:" + secret + "-??????"
}

// SecretARNs is SecretARN of several.
func SecretARNs(secrets []string, region, account string) []string {
	var arns []string
	for _, secret := range secrets {
		arns = append(arns, SecretARN(secret, region, account))
	}
	return arns
}
