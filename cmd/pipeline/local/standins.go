package local

import (
	"slices"
	"strings"
)

// EmbeddedStandIns are the variables that lead a program to the embedded Bedrock. The endpoint stands in for the
// network, the credentials for the role that Lambda assumes.
func EmbeddedStandIns(url string) map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID":                "AKIDLOCAL",
		"AWS_SECRET_ACCESS_KEY":            "local",
		"AWS_SESSION_TOKEN":                "local",
		"AWS_EC2_METADATA_DISABLED":        "true",
		"AWS_ENDPOINT_URL":                 url,
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
		"AWS_SHARED_CREDENTIALS_FILE":      "/dev/null",
		"AWS_CONFIG_FILE":                  "/dev/null",
	}
}

// The variables that lead a program to what stands in for one service.
const (
	EndpointSecretsManager = "AWS_ENDPOINT_URL_SECRETS_MANAGER"
	EndpointS3             = "AWS_ENDPOINT_URL_S3"
)

// personal are the variables by which the AWS SDK finds a person's credentials and the way to AWS.
var personal = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SDK_LOAD_CONFIG",
	"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_CA_BUNDLE", "HOME", "HTTPS_PROXY", "NO_PROXY", "https_proxy", "no_proxy", "SSL_CERT_DIR", "SSL_CERT_FILE",
}

// PersonStandIns are the variables of a person's own environment that lead a program to the real service with the
// person's credentials, which stand in for the role. Nothing else of that environment is passed on.
func PersonStandIns(environ []string) map[string]string {
	variables := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if slices.Contains(personal, name) {
			variables[name] = value
		}
	}
	return variables
}

// WithoutAWS is an environment without anything of AWS in it.
func WithoutAWS(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool { return strings.HasPrefix(entry, "AWS_") })
}
