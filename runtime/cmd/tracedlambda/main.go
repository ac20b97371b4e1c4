// Command tracedlambda is the serverless variant's function with tracing, which makes it larger and slower to start.
package main

import (
	"github.com/genai-pipeline/genai-pipeline/runtime/cmd/internal/function"
	"github.com/genai-pipeline/genai-pipeline/runtime/core"
	"github.com/genai-pipeline/genai-pipeline/runtime/trace"
)

func main() { function.Main(core.Links{Tracer: trace.Open}) }
