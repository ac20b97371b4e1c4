// Command server is what the bench compares the gateway's server with: the least Go program that answers both public
// APIs with Bedrock through the AWS SDK, written as the SDK's documentation shows, with encoding/json and one line of
// tuning: a pool as large as the gateway's, without which it is slower still. It authenticates nobody, checks and
// records nothing, knows only text, and must not get features.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pool := func(t *http.Transport) { t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 2048 }
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(pool)))
	if err != nil {
		return err
	}
	h := handler{client: bedrockruntime.NewFromConfig(loaded), model: os.Getenv("BENCH_MODEL")}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/messages", h.failing(h.messages))
	mux.HandleFunc("POST /v1/chat/completions", h.failing(h.chat))
	server := &http.Server{Addr: os.Getenv("BENCH_LISTEN"), Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}

// handler answers with one model, whatever alias a caller names.
type handler struct {
	client *bedrockruntime.Client
	model  string
}

func (h handler) failing(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}
}

// messages passes an Anthropic body through.
func (h handler) messages(w http.ResponseWriter, r *http.Request) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	stream := string(members["stream"]) == "true"
	delete(members, "model")
	delete(members, "stream")
	members["anthropic_version"] = json.RawMessage(`"bedrock-2023-05-31"`)
	body, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if stream {
		return h.messagesStream(w, r, body)
	}
	output, err := h.client.InvokeModel(r.Context(), &bedrockruntime.InvokeModelInput{
		ModelId: aws.String(h.model), Body: body, ContentType: aws.String("application/json"), Accept: aws.String("application/json"),
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(output.Body)
	return err
}

func (h handler) messagesStream(w http.ResponseWriter, r *http.Request, body []byte) error {
	output, err := h.client.InvokeModelWithResponseStream(r.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{
		ModelId: aws.String(h.model), Body: body, ContentType: aws.String("application/json"),
	})
	if err != nil {
		return err
	}
	stream := output.GetStream()
	defer stream.Close()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	for event := range stream.Events() {
		chunk, ok := event.(*types.ResponseStreamMemberChunk)
		if !ok {
			continue
		}
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(chunk.Value.Bytes, &kind); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind.Type, chunk.Value.Bytes); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
	}
	return stream.Err()
}
