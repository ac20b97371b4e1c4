package bedrock

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// sdkClient makes calls with the SDK's own client. It is the reference for the fast one.
type sdkClient struct{ *bedrockruntime.Client }

func (c sdkClient) complete(ctx context.Context, model string, request *inference.Request) (*inference.Reply, error) {
	if request.Body != nil {
		return completeInvoke(ctx, c.Client, model, request)
	}
	return completeConverse(ctx, c.Client, model, request)
}

func (c sdkClient) open(ctx context.Context, model string, request *inference.Request) (source, error) {
	if request.Body != nil {
		return openInvoke(ctx, c.Client, model, request)
	}
	return openConverse(ctx, c.Client, model, request)
}

func openConverse(ctx context.Context, client *bedrockruntime.Client, model string, request *inference.Request) (source, error) {
	tools, err := toolConfig(request)
	if err != nil {
		return nil, err
	}
	output, err := client.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{
		ModelId:         aws.String(model),
		System:          systemBlocks(request.System),
		Messages:        messages(request.Turns),
		InferenceConfig: inferenceConfig(request),
		ToolConfig:      tools,
	})
	if err != nil {
		return nil, err
	}
	stream := output.GetStream()
	return &converseSource{stream: stream, events: stream.Events(), tool: -1}, nil
}

// converseSource reads the events of ConverseStream.
type converseSource struct {
	stream *bedrockruntime.ConverseStreamEventStream
	events <-chan types.ConverseStreamOutput
	tool   int // index of the tool call that is being streamed; blocks come one after the other
}

func (s *converseSource) Close() error { return s.stream.Close() }

// buffered is false: the SDK's channel holds nothing back.
func (s *converseSource) buffered() bool { return false }

func (s *converseSource) next(ctx context.Context) (inference.Event, step, error) {
	select {
	case output, open := <-s.events:
		if !open {
			return inference.Event{}, ended, s.stream.Err()
		}
		event, step := s.translate(output)
		return event, step, nil
	case <-ctx.Done():
		return inference.Event{}, 0, ctx.Err()
	}
}

// translate turns a Converse event into one of ours. An event that callers do not see has no Kind.
func (s *converseSource) translate(output types.ConverseStreamOutput) (inference.Event, step) {
	switch output := output.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		start, ok := output.Value.Start.(*types.ContentBlockStartMemberToolUse)
		if !ok {
			return inference.Event{}, preamble
		}
		s.tool++
		return inference.Event{
			Kind:     inference.EventToolStart,
			Index:    s.tool,
			ToolID:   aws.ToString(start.Value.ToolUseId),
			ToolName: aws.ToString(start.Value.Name),
		}, content
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		switch delta := output.Value.Delta.(type) {
		case *types.ContentBlockDeltaMemberText:
			return inference.Event{Kind: inference.EventText, Text: delta.Value}, content
		case *types.ContentBlockDeltaMemberToolUse:
			return inference.Event{Kind: inference.EventToolInput, Index: s.tool, Text: aws.ToString(delta.Value.Input)}, content
		}
	case *types.ConverseStreamOutputMemberMessageStop:
		return inference.Event{Kind: inference.EventStop, Stop: inference.StopReason(output.Value.StopReason)}, last
	case *types.ConverseStreamOutputMemberMetadata:
		return inference.Event{Kind: inference.EventUsage, Usage: usage(output.Value.Usage), HasUsage: true}, content
	}
	return inference.Event{}, preamble
}
