// Command tracedserver is the program of the container and instance variants with tracing, which makes it larger and
// slower to start.
package main

import (
	"github.com/genai-pipeline/genai-pipeline/runtime/archive/bucket"
	"github.com/genai-pipeline/genai-pipeline/runtime/cmd/internal/service"
	"github.com/genai-pipeline/genai-pipeline/runtime/core"
	"github.com/genai-pipeline/genai-pipeline/runtime/trace"
)

func main() { service.Main(core.Links{Archive: bucket.Open, Tracer: trace.Open}) }
