package local

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Vault stands in for Secrets Manager as far as a program that knows its callers by keys asks it: each secret that the
// templates name holds the hash of one key, which is made for this run and good for nothing else.
type Vault struct {
	Key     string // what callers send
	secrets []string
	content string
}

// Tenant is whose key a Vault's key is.
const Tenant = "local"

// NewVault makes a vault with the secrets that programs with these environments read; nil when none reads any.
func NewVault(environments ...map[string]string) *Vault {
	var v Vault
	for _, variables := range environments {
		if variables[settings.EnvAuth] == settings.AuthKeys {
			v.secrets = append(v.secrets, variables[settings.EnvAuthSecret])
		}
	}
	if len(v.secrets) == 0 {
		return nil
	}
	key, hash := auth.NewKey()
	v.Key = key
	// Marshalling plain strings cannot fail.
	content, _ := json.Marshal(map[string]any{"tenants": map[string]any{Tenant: map[string]any{"keys": []string{hash}}}})
	v.content = string(content)
	return &v
}

// signedFor matches a signature for Secrets Manager in some Region. The address is given here, but in AWS a program that
// does not know its Region finds none.
var signedFor = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/ ]+/[0-9]{8}/[a-z0-9-]+/secretsmanager/aws4_request`)

// maxSecretRequest is more than the id of a secret can be long.
const maxSecretRequest = 8 << 10

// ServeHTTP speaks AWS JSON 1.1, of which it knows GetSecretValue.
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var input struct{ SecretId string }
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSecretRequest))
	switch {
	case err != nil || json.Unmarshal(body, &input) != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"InvalidRequestException","Message":"The local run only knows GetSecretValue."}`)
	case !signedFor.MatchString(r.Header.Get("Authorization")):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"InvalidSignatureException","Message":"The request is not signed for Secrets Manager in a Region."}`)
	case !slices.Contains(v.secrets, input.SecretId):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`)
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"ARN": input.SecretId, "Name": input.SecretId, "SecretString": v.content,
			"VersionId": "1", "VersionStages": []string{"AWSCURRENT"}})
	}
}
