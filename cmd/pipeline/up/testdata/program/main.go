// Command program is a function for the tests of package up: it answers as little as up asks for.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(event events.APIGatewayProxyRequest) (any, error) {
		switch event.Path {
		case "/v1/messages":
			return &events.APIGatewayProxyStreamingResponse{StatusCode: 200, Body: strings.NewReader("data: one\n\ndata: two\n\n")}, nil
		case "/readyz":
			fmt.Println("asked whether it is ready")
		}
		return events.APIGatewayProxyResponse{StatusCode: 200, Body: os.Getenv("GREETING") + " on " + event.Path}, nil
	})
}
