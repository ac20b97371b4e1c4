package bedrocktest

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// operation is one of the four calls.
type operation struct {
	name   string
	path   string // last element of the URL path
	stream bool
	wire   wire
}

// wire is a body format: how a request is read, and how an answer is written whole and in frames.
type wire struct {
	parse  func(body []byte, call call) (*ask, *failure)
	reply  func(*exchange, answer) any
	frames func(*exchange, answer) []frame
}

var (
	converseWire = wire{parse: parseConverse, reply: converseReply, frames: converseFrames}
	invokeWire   = wire{parse: parseInvoke, reply: invokeReply, frames: invokeFrames}
	operations   = []operation{
		{"Converse", "converse", false, converseWire},
		{"ConverseStream", "converse-stream", true, converseWire},
		{"InvokeModel", "invoke", false, invokeWire},
		{"InvokeModelWithResponseStream", "invoke-with-response-stream", true, invokeWire},
	}
)

// route reads POST /model/{id}/{operation}. The id arrives percent-escaped, for it may hold a colon or be an ARN with a
// slash.
func route(r *http.Request) (op operation, model string, known bool) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/model/")
	slash := strings.LastIndexByte(rest, '/')
	if !ok || slash < 1 {
		return operation{}, "", false
	}
	model, err := url.PathUnescape(rest[:slash])
	if err != nil {
		return operation{}, "", false
	}
	for _, op := range operations {
		if op.path == rest[slash+1:] {
			return op, model, r.Method == http.MethodPost
		}
	}
	return operation{}, model, false
}

// signer is who signed a request, and for where.
type signer struct{ accessKey, region, service string }

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request, ?SignedHeaders=[^,\s]+, ?Signature=[0-9a-f]{64}$`)

func parseSigner(authorization string) (signer, *failure) {
	if authorization == "" {
		return signer{}, &failure{http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	found := signature.FindStringSubmatch(authorization)
	if found == nil || found[4] != "bedrock" {
		return signer{}, &failure{http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid."}
	}
	return signer{accessKey: found[1], region: found[3], service: found[4]}, nil
}
