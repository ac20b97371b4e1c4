package local

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"regexp"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Vault stands in for Secrets Manager as far as programs ask it: each secret of keys that the templates name holds the
// hash of one key, and each of feedback ids a random text. All are made for this run and good for nothing else.
type Vault struct {
	Key      string // what callers send; empty when none have keys
	contents map[string]string
}

// Tenant is whose key a Vault's key is.
const Tenant = "local"

// NewVault makes a vault with the secrets that programs with these environments read; nil when none reads any.
func NewVault(environments ...map[string]string) *Vault {
	v := Vault{contents: map[string]string{}}
	key, hash := auth.NewKey()
	// Marshalling plain strings cannot fail.
	keys, _ := json.Marshal(map[string]any{"tenants": map[string]any{Tenant: map[string]any{"keys": []string{hash}}}})
	for _, variables := range environments {
		if variables[settings.EnvAuth] == settings.AuthKeys {
			v.Key, v.contents[variables[settings.EnvAuthSecret]] = key, string(keys)
		}
		if secret := variables[settings.EnvFeedbackSecret]; secret != "" && v.contents[secret] == "" {
			v.contents[secret] = rand.Text() + rand.Text()
		}
	}
	if len(v.contents) == 0 {
		return nil
	}
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
	case v.contents[input.SecretId] == "":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`)
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"ARN": input.SecretId, "Name": input.SecretId, "SecretString": v.contents[input.SecretId],
			"VersionId": "1", "VersionStages": []string{"AWSCURRENT"}})
	}
}
