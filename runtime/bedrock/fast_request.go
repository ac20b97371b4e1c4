package bedrock

import (
	"encoding/base64"
	"strconv"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

// converseBody writes the body of Converse. JSON that the caller sent, such as a tool's schema, is copied as it is.
func converseBody(request *inference.Request) ([]byte, error) {
	describe, err := describeTools(request)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, bodySize(request))
	b = append(b, `{"messages":[`...)
	for i := range request.Turns {
		b = appendTurn(comma(b, i), &request.Turns[i])
	}
	b = append(b, ']')
	if len(request.System) > 0 {
		b = append(b, `,"system":[`...)
		for i, text := range request.System {
			b = append(jsonread.AppendString(append(comma(b, i), `{"text":`...), text), '}')
		}
		b = append(b, ']')
	}
	b = appendInference(append(b, `,"inferenceConfig":`...), request)
	if describe {
		b = appendTools(append(b, `,"toolConfig":`...), request)
	}
	return append(b, '}'), nil
}

// bodySize is about what a body will take, so that it grows at most once.
func bodySize(request *inference.Request) int {
	size := 256
	for _, text := range request.System {
		size += len(text) + 64
	}
	for i := range request.Turns {
		for _, block := range request.Turns[i].Blocks {
			size += len(block.Text) + len(block.Text)/16 + 128
			if block.Image != nil {
				size += base64.StdEncoding.EncodedLen(len(block.Image.Data))
			}
		}
	}
	for _, tool := range request.Tools {
		size += len(tool.Description) + len(tool.Schema) + 128
	}
	return size
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func appendTurn(b []byte, turn *inference.Turn) []byte {
	b = append(jsonread.AppendString(append(b, `{"role":`...), string(turn.Role)), `,"content":[`...)
	for i, block := range turn.Blocks {
		b = appendBlock(comma(b, i), block)
	}
	return append(b, "]}"...)
}

func appendBlock(b []byte, block inference.Block) []byte {
	switch {
	case block.Image != nil:
		b = jsonread.AppendString(append(b, `{"image":{"format":`...), block.Image.Format)
		b = base64.StdEncoding.AppendEncode(append(b, `,"source":{"bytes":"`...), block.Image.Data)
		return append(b, `"}}}`...)
	case block.Use != nil:
		b = jsonread.AppendString(append(b, `{"toolUse":{"toolUseId":`...), block.Use.ID)
		b = jsonread.AppendString(append(b, `,"name":`...), block.Use.Name)
		return append(appendObject(append(b, `,"input":`...), block.Use.Input), "}}"...)
	case block.Result != nil:
		b = jsonread.AppendString(append(b, `{"toolResult":{"toolUseId":`...), block.Result.ID)
		b = append(b, `,"content":[`...)
		if block.Result.Text != "" { // Converse refuses empty text; a tool that said nothing is an empty list
			b = append(jsonread.AppendString(append(b, `{"text":`...), block.Result.Text), '}')
		}
		b = append(b, ']')
		if block.Result.Error {
			b = append(b, `,"status":"error"`...)
		}
		return append(b, "}}"...)
	default:
		return append(jsonread.AppendString(append(b, `{"text":`...), block.Text), '}')
	}
}

// appendObject copies JSON that the surface has checked; nothing is an empty object.
func appendObject(b, raw []byte) []byte {
	if len(raw) == 0 {
		return append(b, "{}"...)
	}
	return append(b, raw...)
}

func appendInference(b []byte, request *inference.Request) []byte {
	b = strconv.AppendInt(append(b, `{"maxTokens":`...), int64(request.MaxTokens), 10)
	if request.Temperature != nil {
		b = strconv.AppendFloat(append(b, `,"temperature":`...), *request.Temperature, 'f', -1, 32)
	}
	if request.TopP != nil {
		b = strconv.AppendFloat(append(b, `,"topP":`...), *request.TopP, 'f', -1, 32)
	}
	if len(request.Stop) > 0 {
		b = append(b, `,"stopSequences":[`...)
		for i, text := range request.Stop {
			b = jsonread.AppendString(comma(b, i), text)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendTools(b []byte, request *inference.Request) []byte {
	b = append(b, `{"tools":[`...)
	for i, tool := range request.Tools {
		b = jsonread.AppendString(append(comma(b, i), `{"toolSpec":{"name":`...), tool.Name)
		if tool.Description != "" {
			b = jsonread.AppendString(append(b, `,"description":`...), tool.Description)
		}
		b = append(appendObject(append(b, `,"inputSchema":{"json":`...), tool.Schema), "}}}"...)
	}
	b = append(b, ']')
	switch request.ToolChoice.Mode {
	case inference.ToolRequired:
		b = append(b, `,"toolChoice":{"any":{}}`...)
	case inference.ToolNamed:
		b = append(jsonread.AppendString(append(b, `,"toolChoice":{"tool":{"name":`...), request.ToolChoice.Name), "}}"...)
	}
	return append(b, '}')
}
