package inference

import (
	"errors"
	"fmt"
	"time"
)

// Code classifies a failure. Surfaces map it to an HTTP status and to their own vocabulary in one table each.
type Code string

// Every code there is. A code says whose fault it is and what the caller can do; it never names an AWS exception.
const (
	InvalidRequest   Code = "invalid_request"   // the request is malformed or out of range; Field names where
	Unauthenticated  Code = "unauthenticated"   // no credentials, or credentials nobody knows
	PermissionDenied Code = "permission_denied" // known caller, not allowed
	NotFound         Code = "not_found"         // no such model, or no such path
	MethodNotAllowed Code = "method_not_allowed"
	Conflict         Code = "conflict"     // it was done already, and is done once
	TooLarge         Code = "too_large"    // the body is larger than the configured limit
	RateLimited      Code = "rate_limited" // a quota is used up; RetryAfter says when to come back
	Overloaded       Code = "overloaded"   // the model has no capacity right now; RetryAfter says when to come back
	Timeout          Code = "timeout"      // the model did not answer within the deadline
	Upstream         Code = "upstream"     // Bedrock failed, or could not be reached
	Internal         Code = "internal"     // our own fault, including a role that may not call the model
	Canceled         Code = "canceled"     // the caller left; nobody reads this answer
)

// Error is the one error type. Message is safe to show the caller; Cause is for the log only.
type Error struct {
	Code       Code
	Message    string
	Field      string        // path of the offending request field, such as "messages[2].content"; empty when none
	RetryAfter time.Duration // when to try again; zero when unknown or pointless
	Cause      error
}

// Error returns the message with its field and its cause. It is for logs, not for callers.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Message
	if e.Field != "" {
		text = string(e.Code) + ": " + e.Field + ": " + e.Message
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an error with a message that is safe for the caller.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an InvalidRequest that names the field at fault.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: InvalidRequest, Field: field, Message: fmt.Sprintf(format, args...)}
}

// AsError returns err as *Error. An error of any other type becomes Internal with a message that says nothing of it.
func AsError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Code: Internal, Message: "The gateway failed to handle the request.", Cause: err}
}
