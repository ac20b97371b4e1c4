package apigateway

import (
	"net/http"
	"regexp"
)

// credential is who a request says has signed it.
type credential struct{ accessKey string }

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 +` +
	`Credential=([^/,\s]+)/\d{8}/[a-z0-9-]+/execute-api/aws4_request, *` +
	`SignedHeaders=[a-z0-9;-]+, *` +
	`Signature=[0-9a-f]{64}$`)

// parseSignature reads a Signature Version 4 header. It reports false when there is none or it is not well-formed;
// whether the signature is right only AWS can tell, for only AWS has the key.
func parseSignature(h http.Header) (credential, bool) {
	match := signature.FindStringSubmatch(h.Get("Authorization"))
	if match == nil || h.Get("X-Amz-Date") == "" {
		return credential{}, false
	}
	return credential{accessKey: match[1]}, true
}
