package lambdaruntime_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// actAsFunction makes this test binary the function that the tests run: a real process over a real wire.
const actAsFunction = "TEST_ACT_AS_FUNCTION"

func TestMain(m *testing.M) {
	switch os.Getenv(actAsFunction) {
	case "handler":
		lambda.Start(handle)
	case "exit at init":
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// order is what a test tells the function to do.
type order struct {
	Do   string `json:"do"`
	Gate string `json:"gate"` // a URL the function asks before it goes on, so that the test decides when
}

type report struct {
	PID       int       `json:"pid"`
	Deadline  time.Time `json:"deadline"`
	RequestID string    `json:"requestId"`
	ARN       string    `json:"arn"`
}

func handle(ctx context.Context, o order) (any, error) {
	switch o.Do {
	case "fail":
		return nil, errors.New("no luck")
	case "panic":
		panic("at the disco")
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "stream":
		return stream(o.Gate, nil), nil
	case "stream and fail":
		return stream(o.Gate, errors.New("lost it")), nil
	case "stream and exit":
		return stream(o.Gate, errExit), nil
	case "stream without end":
		return stream(o.Gate, errEndless), nil
	case "gate":
		pass(o.Gate)
	}
	deadline, _ := ctx.Deadline()
	c, _ := lambdacontext.FromContext(ctx)
	return report{os.Getpid(), deadline, c.AwsRequestID, c.InvokedFunctionArn}, nil
}

var (
	errExit    = errors.New("exit")
	errEndless = errors.New("endless")
)

func writeUntilFailure(w io.Writer) {
	for {
		if _, err := io.WriteString(w, "more"); err != nil {
			return
		}
	}
}

func pass(gate string) {
	response, err := http.Get(gate)
	if err == nil {
		_ = response.Body.Close()
	}
}

// stream writes "one", passes the gate, writes "two" and ends with the error.
func stream(gate string, end error) *events.APIGatewayProxyStreamingResponse {
	reader, writer := io.Pipe()
	go func() {
		_, _ = io.WriteString(writer, "one")
		pass(gate)
		if errors.Is(end, errExit) {
			os.Exit(7)
		}
		if errors.Is(end, errEndless) {
			writeUntilFailure(writer)
			pass(gate + "?write=failed")
		}
		_, _ = io.WriteString(writer, "two")
		_ = writer.CloseWithError(end)
	}()
	return &events.APIGatewayProxyStreamingResponse{StatusCode: 200, Body: reader}
}
