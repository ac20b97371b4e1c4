package bedrock

import "github.com/genai-pipeline/genai-pipeline/runtime/inference"

// describeTools tells whether the model is told of the tools. Converse has no "none": without earlier tool calls the
// tools can be left out, which means the same; with them it wants the tools described, and a "none" that cannot be
// enforced is refused.
func describeTools(request *inference.Request) (bool, error) {
	if len(request.Tools) == 0 {
		return false, nil
	}
	if request.ToolChoice.Mode != inference.ToolNone {
		return true, nil
	}
	if mentionsTools(request.Turns) {
		return false, inference.Invalid("tool_choice", "none cannot be enforced while the conversation contains tool calls; leave tool_choice out")
	}
	return false, nil
}

func mentionsTools(turns []inference.Turn) bool {
	for _, turn := range turns {
		for _, block := range turn.Blocks {
			if block.Use != nil || block.Result != nil {
				return true
			}
		}
	}
	return false
}
