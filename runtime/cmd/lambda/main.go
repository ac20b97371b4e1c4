// Command lambda is the serverless variant's function.
package main

import (
	"github.com/genai-pipeline/genai-pipeline/runtime/cmd/internal/function"
	"github.com/genai-pipeline/genai-pipeline/runtime/core"
)

func main() { function.Main(core.Links{}) }
