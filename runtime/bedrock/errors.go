package bedrock

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// retryMode says whether another call can help.
type retryMode uint8

const (
	never     retryMode = iota // the same request fails everywhere
	elsewhere                  // only at a target not yet tried
	anywhere                   // also at the same target, later
)

// fault is what an AWS failure means to us.
type fault struct {
	code     inference.Code
	message  string // empty: Bedrock's own message is safe and useful to the caller
	retry    retryMode
	throttle bool
	blame    bool // counts against the target
}

// faults maps exception codes; nothing is ever judged by message text ("Too many tokens, please wait" is a throttle).
// Codes and statuses: AWS API reference of the Bedrock runtime, read 2026-11-22.
var faults = map[string]fault{
	"ThrottlingException":           {code: inference.RateLimited, message: "The model is throttled. Try again later.", retry: anywhere, throttle: true, blame: true},
	"ServiceQuotaExceededException": {code: inference.RateLimited, message: "The account's quota for this model is used up.", retry: elsewhere, throttle: true, blame: true},
	"ServiceUnavailableException":   {code: inference.Overloaded, message: "The model has no capacity right now. Try again later.", retry: anywhere, blame: true},
	"ModelNotReadyException":        {code: inference.Overloaded, message: "The model is not ready yet. Try again later.", retry: anywhere, blame: true},
	"InternalServerException":       {code: inference.Upstream, message: "The model service failed.", retry: anywhere, blame: true},
	"ModelTimeoutException":         {code: inference.Timeout, message: "The model took too long to answer.", retry: elsewhere, blame: true},
	"ModelErrorException":           {code: inference.Upstream, message: "The model failed while it processed the request.", retry: elsewhere},
	"ModelStreamErrorException":     {code: inference.Upstream, message: "The model failed while it streamed the answer.", retry: elsewhere},
	"ValidationException":           {code: inference.InvalidRequest, retry: never},
	"ResourceNotFoundException":     {code: inference.NotFound, message: "The model does not exist, has reached its end of life, or is not open to this account.", retry: elsewhere, blame: true},
	"AccessDeniedException":         {code: inference.Internal, message: "The gateway is not allowed to call this model.", retry: elsewhere, blame: true},
	// The four below are answers to the signature, not to the request.
	"UnrecognizedClientException":         {code: inference.Internal, message: "The gateway's credentials were refused.", retry: never},
	"InvalidSignatureException":           {code: inference.Internal, message: "The gateway's credentials were refused.", retry: never},
	"ExpiredTokenException":               {code: inference.Internal, message: "The gateway's credentials have expired.", retry: never},
	"MissingAuthenticationTokenException": {code: inference.Internal, message: "The gateway has no credentials.", retry: never},
}

// errInBand is a failure that a passed-through model wrote into its own stream, instead of Bedrock into the frames.
var errInBand = errors.New("error event in the model's stream")

// errIncomplete is a stream that ended cleanly, but before the model had finished.
var errIncomplete = errors.New("the stream ended before the model's answer did")

// errSilent is a stream of which nothing came in the time that Options.FirstByte leaves it. Where it was asked for there is
// no use in waiting again.
var errSilent = errors.New("the model said nothing to a call that streams")

var silent = fault{code: inference.Timeout, message: "The model did not begin its answer within the time allowed.", retry: elsewhere, blame: true}

// unreachable is every failure without an exception: refused, reset, cut short, not decodable.
var unreachable = fault{code: inference.Upstream, message: "The model service could not be reached, or its answer was cut short.", retry: anywhere, blame: true}

// classify tells what an error of a call or its stream means.
func classify(ctx context.Context, err error) fault {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fault{code: inference.Canceled, message: "The caller left."}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault{code: inference.Timeout, message: "The model did not finish within the time allowed."}
	}
	switch {
	case errors.Is(err, errSilent):
		return silent
	case errors.Is(err, errInBand):
		return faults["ModelStreamErrorException"]
	}
	var own *inference.Error
	if errors.As(err, &own) {
		return fault{code: own.Code, message: own.Message}
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return unreachable
	}
	if f, ok := faults[canonical(api.ErrorCode())]; ok {
		return f
	}
	return byStatus(err)
}

// canonical folds the two spellings of a code: event streams write it in lower camel case.
func canonical(code string) string {
	if code == "" {
		return code
	}
	return strings.ToUpper(code[:1]) + code[1:]
}

// byStatus judges an exception that nobody has told us about.
func byStatus(err error) fault {
	switch status := statusOf(err); {
	case status == 0:
		return unreachable
	case status == 429:
		return faults["ThrottlingException"]
	case status >= 500:
		return faults["InternalServerException"]
	default:
		return fault{code: inference.Upstream, message: "The model service refused the call."}
	}
}

// statusOf is the HTTP status of a call that an exception answered; 0 where there was none.
func statusOf(err error) int {
	var own *callError
	if errors.As(err, &own) {
		return own.status
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// failure makes the error that callers see. Bedrock's own message is passed on for validation only, and not when it
// names a resource of the account.
func (f fault) failure(err error) *inference.Error {
	var own *inference.Error
	if errors.As(err, &own) && own.Code == f.code {
		copied := *own
		return &copied
	}
	message := f.message
	var api smithy.APIError
	if message == "" && errors.As(err, &api) {
		message = api.ErrorMessage()
	}
	if message == "" || strings.Contains(message, "arn:") {
		message = "The model refused the request."
	}
	return &inference.Error{Code: f.code, Message: message, Cause: err}
}
