// Package auth says who a caller is: by an API key, by what the platform in front has established, or, where that is
// written down with a reason, not at all. It is fail-closed: whatever goes wrong, the request is refused.
//
// It must not know AWS (a secret is read through SecretReader), nor how a refusal is written. Its errors are
// *inference.Error with a message that tells a caller no more than that it was refused; keys are in no message and
// no log. What needs a library has a package of its own below this one.
package auth

import (
	"net/http"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/auth/identity"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Caller is who sent a request.
type Caller struct {
	Tenant string // whose request it is; in the record of every request
	Method string // how that is known, one of the methods
}

// The methods.
const (
	MethodKeys    = "keys"    // an API key
	MethodGateway = "gateway" // API Gateway has checked a signature of IAM
	MethodDirect  = "direct"  // Lambda has checked that the caller may invoke the function
	MethodOff     = "off"     // nobody has checked anything
)

// The tenants of callers that have no name of their own.
const (
	TenantDirect    = "direct"    // of every direct invocation: Lambda does not tell a function who invokes it
	TenantAnonymous = "anonymous" // of every caller while authentication is off
)

// Gateway takes callers as the platform in front has authenticated them. A plain server has no such platform, so
// there it refuses every request.
//
// Whoever may invoke the function directly may also send it an event that looks like API Gateway's and name any
// caller in it: lambda:InvokeFunction is for the API and for those who are trusted as much.
type Gateway struct{}

// Authenticate returns the IAM principal that API Gateway has authenticated, or TenantDirect.
func (Gateway) Authenticate(r *http.Request) (Caller, error) {
	known := identity.From(r.Context())
	switch {
	case known.Direct:
		return Caller{Tenant: TenantDirect, Method: MethodDirect}, nil
	case known.ARN != "":
		return Caller{Tenant: principal(known.ARN), Method: MethodGateway}, nil
	}
	return Caller{}, refused("This gateway takes requests that are signed for IAM, through its API.")
}

// principal leaves out the session of an assumed role: whoever assumes a role chooses its name, so it proves nothing,
// and one caller would be a tenant anew with every session.
func principal(arn string) string {
	const assumed = ":assumed-role/"
	head, rest, ok := strings.Cut(arn, assumed)
	if !ok {
		return arn
	}
	role, _, _ := strings.Cut(rest, "/")
	return head + assumed + role
}

// Off takes every caller. Only settings that give a reason lead here.
type Off struct{}

// Authenticate returns TenantAnonymous.
func (Off) Authenticate(*http.Request) (Caller, error) {
	return Caller{Tenant: TenantAnonymous, Method: MethodOff}, nil
}

// Bearer returns the token of the Authorization header, and "" when there is none or more than one.
func Bearer(r *http.Request) string {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func refused(message string) *inference.Error {
	return &inference.Error{Code: inference.Unauthenticated, Message: message}
}
