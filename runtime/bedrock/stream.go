package bedrock

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// step tells how far a stream has come with an event.
type step uint8

const (
	preamble step = iota + 1 // the call was accepted; nothing of the answer yet
	content                  // part of the answer
	last                     // part of the answer, and it is now complete; counts may follow
	ended                    // no event: the stream is over
)

// source reads one operation's stream.
type source interface {
	next(ctx context.Context) (inference.Event, step, error)
	Close() error
}

// stream is an answer that has begun.
type stream struct {
	ctx      context.Context
	cancel   context.CancelFunc
	source   source
	waiting  []inference.Event // read by prime, not yet handed out
	complete bool
	failed   error
}

// prime reads until the answer begins, so that every failure before that can still be retried.
func (s *stream) prime() error {
	for {
		event, step, err := s.read()
		if err != nil {
			return err
		}
		if step == ended {
			return errIncomplete
		}
		s.waiting = append(s.waiting, event)
		if step != preamble {
			return nil
		}
	}
}

func (s *stream) read() (inference.Event, step, error) {
	event, step, err := s.source.next(s.ctx)
	if step == last {
		s.complete = true
	}
	return event, step, err
}

// Next implements inference.Stream.
func (s *stream) Next() (inference.Event, error) {
	for len(s.waiting) > 0 {
		event := s.waiting[0]
		s.waiting = s.waiting[1:]
		if event.Kind != 0 {
			return event, nil
		}
	}
	for s.failed == nil {
		event, step, err := s.read()
		switch {
		case err == nil && step == ended && s.complete:
			s.failed = io.EOF
		case err == nil && step == ended:
			s.failed = unreachable.failure(errIncomplete)
		case err != nil:
			s.failed = classify(s.ctx, err).failure(err)
		case event.Kind != 0:
			return event, nil
		}
	}
	return inference.Event{}, s.failed
}

// Close implements inference.Stream. Before the end it cancels the model's work.
func (s *stream) Close() error {
	s.cancel()
	return s.source.Close()
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
