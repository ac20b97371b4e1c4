package trace

import (
	"log/slog"
	"net/http"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"

	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
)

// OpenOver is Open with an HTTP client of the test's.
func OpenOver(client *http.Client, environment, variant string, log *slog.Logger) (gateway.Tracer, error) {
	return open(environment, variant, log, otlptracehttp.WithHTTPClient(client))
}
