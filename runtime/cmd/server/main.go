// Command server is the program of the container and instance variants.
package main

import (
	"github.com/genai-pipeline/genai-pipeline/runtime/archive/bucket"
	"github.com/genai-pipeline/genai-pipeline/runtime/cmd/internal/service"
	"github.com/genai-pipeline/genai-pipeline/runtime/core"
)

func main() { service.Main(core.Links{Archive: bucket.Open}) }
