package bedrock

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

func completeConverse(ctx context.Context, client *bedrockruntime.Client, model string, request *inference.Request) (*inference.Reply, error) {
	tools, err := toolConfig(request)
	if err != nil {
		return nil, err
	}
	output, err := client.Converse(ctx, &bedrockruntime.ConverseInput{
		ModelId:         aws.String(model),
		System:          systemBlocks(request.System),
		Messages:        messages(request.Turns),
		InferenceConfig: inferenceConfig(request),
		ToolConfig:      tools,
	})
	if err != nil {
		return nil, err
	}
	message, ok := output.Output.(*types.ConverseOutputMemberMessage)
	if !ok {
		return nil, errIncomplete
	}
	reply := &inference.Reply{Stop: inference.StopReason(output.StopReason), Usage: usage(output.Usage)}
	for _, block := range message.Value.Content {
		switch block := block.(type) {
		case *types.ContentBlockMemberText:
			reply.Blocks = append(reply.Blocks, inference.Block{Text: block.Value})
		case *types.ContentBlockMemberToolUse:
			use, err := toolUse(block.Value)
			if err != nil {
				return nil, err
			}
			reply.Blocks = append(reply.Blocks, inference.Block{Use: use})
		}
	}
	return reply, nil
}

func toolUse(block types.ToolUseBlock) (*inference.ToolUse, error) {
	use := &inference.ToolUse{ID: aws.ToString(block.ToolUseId), Name: aws.ToString(block.Name), Input: []byte("{}")}
	if block.Input == nil {
		return use, nil
	}
	input, err := block.Input.MarshalSmithyDocument()
	if err != nil {
		return nil, err
	}
	use.Input = bytes.TrimSpace(input)
	return use, nil
}

func usage(u *types.TokenUsage) inference.Usage {
	if u == nil {
		return inference.Usage{}
	}
	return inference.Usage{
		Input:      int(aws.ToInt32(u.InputTokens)),
		CacheRead:  int(aws.ToInt32(u.CacheReadInputTokens)),
		CacheWrite: int(aws.ToInt32(u.CacheWriteInputTokens)),
		Output:     int(aws.ToInt32(u.OutputTokens)),
	}
}

func systemBlocks(system []string) []types.SystemContentBlock {
	var blocks []types.SystemContentBlock
	for _, text := range system {
		blocks = append(blocks, &types.SystemContentBlockMemberText{Value: text})
	}
	return blocks
}

func inferenceConfig(request *inference.Request) *types.InferenceConfiguration {
	config := &types.InferenceConfiguration{MaxTokens: aws.Int32(int32(request.MaxTokens)), StopSequences: request.Stop}
	if request.Temperature != nil {
		config.Temperature = aws.Float32(float32(*request.Temperature))
	}
	if request.TopP != nil {
		config.TopP = aws.Float32(float32(*request.TopP))
	}
	return config
}

func messages(turns []inference.Turn) []types.Message {
	list := make([]types.Message, len(turns))
	for i, turn := range turns {
		list[i] = types.Message{Role: types.ConversationRole(turn.Role), Content: make([]types.ContentBlock, len(turn.Blocks))}
		for j, block := range turn.Blocks {
			list[i].Content[j] = contentBlock(block)
		}
	}
	return list
}

func contentBlock(block inference.Block) types.ContentBlock {
	switch {
	case block.Image != nil:
		return &types.ContentBlockMemberImage{Value: types.ImageBlock{
			Format: types.ImageFormat(block.Image.Format),
			Source: &types.ImageSourceMemberBytes{Value: block.Image.Data},
		}}
	case block.Use != nil:
		return &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
			ToolUseId: aws.String(block.Use.ID),
			Name:      aws.String(block.Use.Name),
			Input:     rawDocument(block.Use.Input),
		}}
	case block.Result != nil:
		result := types.ToolResultBlock{
			ToolUseId: aws.String(block.Result.ID),
			// Converse refuses empty text; a tool that said nothing is an empty list.
			Content: []types.ToolResultContentBlock{},
		}
		if block.Result.Text != "" {
			result.Content = append(result.Content, &types.ToolResultContentBlockMemberText{Value: block.Result.Text})
		}
		if block.Result.Error {
			result.Status = types.ToolResultStatusError
		}
		return &types.ContentBlockMemberToolResult{Value: result}
	default:
		return &types.ContentBlockMemberText{Value: block.Text}
	}
}

func toolConfig(request *inference.Request) (*types.ToolConfiguration, error) {
	describe, err := describeTools(request)
	if !describe {
		return nil, err
	}
	config := &types.ToolConfiguration{}
	switch request.ToolChoice.Mode {
	case inference.ToolRequired:
		config.ToolChoice = &types.ToolChoiceMemberAny{}
	case inference.ToolNamed:
		config.ToolChoice = &types.ToolChoiceMemberTool{Value: types.SpecificToolChoice{Name: aws.String(request.ToolChoice.Name)}}
	}
	for _, tool := range request.Tools {
		spec := types.ToolSpecification{Name: aws.String(tool.Name), InputSchema: &types.ToolInputSchemaMemberJson{Value: rawDocument(tool.Schema)}}
		if tool.Description != "" {
			spec.Description = aws.String(tool.Description)
		}
		config.Tools = append(config.Tools, &types.ToolMemberToolSpec{Value: spec})
	}
	return config, nil
}

// rawDocument gives the SDK JSON that the surface has already checked. A document cannot hold raw bytes, so it is
// decoded first; an empty one is an empty object.
func rawDocument(raw []byte) document.Interface {
	decoded := map[string]any{}
	if len(raw) > 0 {
		// Checked by the surface; what does not decode is sent as an empty object and refused by the model.
		_ = json.Unmarshal(raw, &decoded)
	}
	return document.NewLazyDocument(decoded)
}
