package bedrock

import (
	"context"

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

// buffered is false: the SDK's channel holds nothing back.
func (s *invokeSource) buffered() bool { return false }

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
