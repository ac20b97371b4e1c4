package bedrock

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/anthropic"
	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

const jsonType = "application/json"

func completeInvoke(ctx context.Context, client *bedrockruntime.Client, model string, request *inference.Request) (*inference.Reply, error) {
	output, err := client.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{
		ModelId:     aws.String(model),
		Body:        request.Body,
		ContentType: aws.String(jsonType),
		Accept:      aws.String(jsonType),
	})
	if err != nil {
		return nil, err
	}
	usage, stop, err := anthropic.ReadReply(output.Body)
	if err != nil {
		return nil, errIncomplete
	}
	return &inference.Reply{Body: output.Body, Usage: usage, Stop: stop}, nil
}

func openInvoke(ctx context.Context, client *bedrockruntime.Client, model string, request *inference.Request) (source, error) {
	output, err := client.InvokeModelWithResponseStream(ctx, &bedrockruntime.InvokeModelWithResponseStreamInput{
		ModelId:     aws.String(model),
		Body:        request.Body,
		ContentType: aws.String(jsonType),
	})
	if err != nil {
		return nil, err
	}
	stream := output.GetStream()
	return &invokeSource{stream: stream, events: stream.Events()}, nil
}

// invokeSource reads the chunks of InvokeModelWithResponseStream.
type invokeSource struct {
	stream *bedrockruntime.InvokeModelWithResponseStreamEventStream
	events <-chan types.ResponseStream
}

func (s *invokeSource) Close() error { return s.stream.Close() }

func (s *invokeSource) next(ctx context.Context) (inference.Event, step, error) {
	for {
		var chunk types.ResponseStream
		var open bool
		select {
		case chunk, open = <-s.events:
		case <-ctx.Done():
			return inference.Event{}, 0, ctx.Err()
		}
		if !open {
			return inference.Event{}, ended, s.stream.Err()
		}
		member, ok := chunk.(*types.ResponseStreamMemberChunk)
		if !ok {
			continue
		}
		return rawEvent(member.Value.Bytes)
	}
}

// rawEvent wraps a chunk. Anthropic's own error event is a failure like any other.
func rawEvent(raw []byte) (inference.Event, step, error) {
	chunk, err := anthropic.Inspect(raw)
	if err != nil {
		return inference.Event{}, 0, err
	}
	switch {
	case chunk.Type == "error":
		return inference.Event{}, 0, fmt.Errorf("%w: %s", errInBand, chunk.Error)
	case chunk.Type == "message_stop":
		return event(raw, chunk), last, nil
	case chunk.Content:
		return event(raw, chunk), content, nil
	default:
		return event(raw, chunk), preamble, nil
	}
}

func event(raw []byte, chunk anthropic.Chunk) inference.Event {
	return inference.Event{
		Kind:     inference.EventRaw,
		Type:     chunk.Type,
		Raw:      raw,
		Usage:    chunk.Usage,
		HasUsage: chunk.HasUsage,
		Stop:     chunk.Stop,
	}
}
