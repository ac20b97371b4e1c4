package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// chatRequest is an OpenAI body of text.
type chatRequest struct {
	Model       string   `json:"model"`
	Stream      bool     `json:"stream"`
	MaxTokens   int32    `json:"max_tokens"`
	Temperature *float32 `json:"temperature"`
	Messages    []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
}

type chatAnswer struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   *chatUsage   `json:"usage,omitempty"`
}

type chatChoice struct {
	Index   int      `json:"index"`
	Message *chatSay `json:"message,omitempty"`
	Delta   *chatSay `json:"delta,omitempty"`
	Finish  *string  `json:"finish_reason"`
}

type chatSay struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content"`
}

type chatUsage struct {
	Prompt     int32 `json:"prompt_tokens"`
	Completion int32 `json:"completion_tokens"`
	Total      int32 `json:"total_tokens"`
}

// chat translates an OpenAI body into Converse and back.
func (h handler) chat(w http.ResponseWriter, r *http.Request) error {
	var request chatRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return err
	}
	var system []types.SystemContentBlock
	var messages []types.Message
	for _, m := range request.Messages {
		if m.Role == "system" {
			system = append(system, &types.SystemContentBlockMemberText{Value: m.Content})
			continue
		}
		messages = append(messages, types.Message{
			Role:    types.ConversationRole(m.Role),
			Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: m.Content}},
		})
	}
	settings := &types.InferenceConfiguration{MaxTokens: aws.Int32(request.MaxTokens), Temperature: request.Temperature}
	if request.Stream {
		return h.chatStream(w, r, request.Model, &bedrockruntime.ConverseStreamInput{
			ModelId: aws.String(h.model), System: system, Messages: messages, InferenceConfig: settings,
		})
	}
	output, err := h.client.Converse(r.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String(h.model), System: system, Messages: messages, InferenceConfig: settings,
	})
	if err != nil {
		return err
	}
	message, ok := output.Output.(*types.ConverseOutputMemberMessage)
	if !ok {
		return errors.New("no message in the answer")
	}
	var text string
	for _, block := range message.Value.Content {
		if block, ok := block.(*types.ContentBlockMemberText); ok {
			text += block.Value
		}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(chatAnswer{
		ID: "chatcmpl-bare", Object: "chat.completion", Created: time.Now().Unix(), Model: request.Model,
		Choices: []chatChoice{{Message: &chatSay{Role: "assistant", Content: text}, Finish: aws.String("stop")}},
		Usage: &chatUsage{
			Prompt: *output.Usage.InputTokens, Completion: *output.Usage.OutputTokens, Total: *output.Usage.TotalTokens,
		},
	})
}

func (h handler) chatStream(w http.ResponseWriter, r *http.Request, model string, input *bedrockruntime.ConverseStreamInput) error {
	output, err := h.client.ConverseStream(r.Context(), input)
	if err != nil {
		return err
	}
	stream := output.GetStream()
	defer stream.Close()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	answer := chatAnswer{ID: "chatcmpl-bare", Object: "chat.completion.chunk", Created: time.Now().Unix(), Model: model}
	for event := range stream.Events() {
		choice := chatChoice{Delta: &chatSay{}}
		switch event := event.(type) {
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			delta, ok := event.Value.Delta.(*types.ContentBlockDeltaMemberText)
			if !ok {
				continue
			}
			choice.Delta.Content = delta.Value
		case *types.ConverseStreamOutputMemberMessageStop:
			choice.Finish = aws.String("stop")
		default:
			continue
		}
		answer.Choices = []chatChoice{choice}
		text, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	_, err = fmt.Fprint(w, "data: [DONE]\n\n")
	return err
}
