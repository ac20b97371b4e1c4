// Package trace follows inference requests with OpenTelemetry: one span for each request, and within it one for the call
// of the model, under the semantic conventions for generative AI. A request that comes with a W3C traceparent goes on
// with the caller's trace.
//
// No span has any text of a prompt or an answer, nor why a request failed beyond the code. It links OpenTelemetry, so
// only the programs runtime/cmd/traced… import it: merely linking it costs every start a third more
// (docs/adr/0014-tracing.md). It must not know AWS, nor what a surface puts on the wire.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	// The last version with gen_ai.*, of 2026; they have a repository of their own since, and are in development.
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/genai-pipeline/genai-pipeline/runtime/gateway"
	"github.com/genai-pipeline/genai-pipeline/runtime/record"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// service is service.name, unless OTEL_SERVICE_NAME says otherwise.
const service = "genai-gateway"

// scope is who makes the spans.
const scope = "github.com/genai-pipeline/genai-pipeline/runtime/trace"

// The attributes that no convention has.
const (
	attributeRequestID = attribute.Key("genai_gateway.request.id") // as in the answer and in the log
	attributeTenant    = attribute.Key("genai_gateway.tenant")
	attributeAlias     = attribute.Key("genai_gateway.alias")
	attributeCalls     = attribute.Key("genai_gateway.calls") // of Bedrock, retries included
	attributeVariant   = attribute.Key("genai_gateway.variant")
)

// waitTimeout is how long a function waits for the collector at the end of each request.
const waitTimeout = time.Second

// tracer is a gateway.Tracer.
type tracer struct {
	provider   *sdktrace.TracerProvider
	tracer     oteltrace.Tracer
	propagator propagation.TraceContext
	waits      bool // each request sends its spans before it ends
	log        *slog.Logger
}

// Open returns a Tracer that sends spans over OTLP/HTTP. The standard variables OTEL_EXPORTER_OTLP_…, OTEL_TRACES_SAMPLER…,
// OTEL_BSP_…, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say where to and how; it sends nothing before the first span.
//
// A server sends spans in the background, and drops those that a collector does not take in time. A function is frozen
// between requests, so there each request sends its own before it ends, and waits at most a second for that.
func Open(environment, variant string, log *slog.Logger) (gateway.Tracer, error) {
	return open(environment, variant, log)
}

func open(environment, variant string, log *slog.Logger, options ...otlptracehttp.Option) (gateway.Tracer, error) {
	ctx := context.Background()
	waits := variant == settings.VariantServerless
	if waits {
		options = append(options, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName(service), semconv.DeploymentEnvironmentNameKey.String(environment), attributeVariant.String(variant)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	exporter, err := otlptrace.New(ctx, otlptracehttp.NewClient(options...))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(described), sdktrace.WithBatcher(teller{exporter, log}))
	return &tracer{provider: provider, tracer: provider.Tracer(scope, oteltrace.WithSchemaURL(semconv.SchemaURL)), waits: waits, log: log}, nil
}

// Close sends what is held, for as long as the context lasts.
func (t *tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("tracing: spans are lost: %w", err)
	}
	return nil
}

// teller tells the log why spans are lost, rather than the library's global handler.
type teller struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans implements sdktrace.SpanExporter. It has told what it would return.
func (t teller) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := t.SpanExporter.ExportSpans(ctx, spans); err != nil {
		t.log.Warn("spans are lost", "spans", len(spans), "cause", err)
	}
	return nil
}

// Begin starts the span of a request.
func (t *tracer) Begin(r *http.Request, start time.Time) gateway.Trace {
	parent := t.propagator.Extract(context.WithoutCancel(r.Context()), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(parent, r.Method+" "+r.URL.Path, oteltrace.WithSpanKind(oteltrace.SpanKindServer), oteltrace.WithTimestamp(start),
		oteltrace.WithAttributes(semconv.HTTPRequestMethodKey.String(r.Method), semconv.HTTPRoute(r.URL.Path)))
	return &request{t, ctx, span}
}

// request is a gateway.Trace.
type request struct {
	*tracer
	ctx  context.Context
	span oteltrace.Span
}

// ID is the trace's.
func (r *request) ID() string { return r.span.SpanContext().TraceID().String() }

// Response is a traceresponse: that of the request's span.
func (r *request) Response() string {
	of := r.span.SpanContext()
	return fmt.Sprintf("00-%s-%s-%s", of.TraceID(), of.SpanID(), of.TraceFlags())
}

// End ends the request's spans.
func (r *request) End(of *record.Request) {
	if r.span.IsRecording() {
		if !of.Asked.IsZero() {
			r.model(of)
		}
		r.span.SetAttributes(semconv.HTTPResponseStatusCode(of.Status), attributeRequestID.String(of.RequestID))
		set(r.span, attributeTenant, of.Tenant)
		set(r.span, attributeAlias, of.Alias)
		if of.Code != "" {
			r.span.SetAttributes(semconv.ErrorTypeKey.String(string(of.Code)))
		}
		if of.Status >= http.StatusInternalServerError { // a 4xx is no error of a server (HTTP conventions)
			r.span.SetStatus(codes.Error, "")
		}
	}
	r.span.End(oteltrace.WithTimestamp(of.End()))
	if r.waits {
		r.flush()
	}
}

// flush sends what is held, if the collector takes it soon.
func (t *tracer) flush() {
	limit, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	if err := t.provider.ForceFlush(limit); err != nil {
		t.log.Warn("spans are not sent yet", "cause", err)
	}
}

// model makes the span of the call of the model, retries included: its name is the operation and the model.
func (r *request) model(of *record.Request) {
	model := of.Trail.Target.Model
	_, span := r.tracer.tracer.Start(r.ctx, "chat "+model, oteltrace.WithSpanKind(oteltrace.SpanKindClient), oteltrace.WithTimestamp(of.Asked),
		oteltrace.WithAttributes(semconv.GenAIOperationNameChat, semconv.GenAIProviderNameAWSBedrock, semconv.GenAIRequestModel(model),
			semconv.GenAIRequestStream(of.Stream), attributeCalls.Int(of.Trail.Calls)))
	set(span, semconv.CloudRegionKey, of.Trail.Target.Region)
	if used := of.Usage; used.Input+used.CacheRead+used.CacheWrite+used.Output > 0 {
		span.SetAttributes(
			semconv.GenAIUsageInputTokens(used.Input+used.CacheRead+used.CacheWrite), // the convention's includes the cached
			semconv.GenAIUsageCacheReadInputTokens(used.CacheRead), semconv.GenAIUsageCacheCreationInputTokens(used.CacheWrite),
			semconv.GenAIUsageOutputTokens(used.Output))
	}
	if of.FirstToken > 0 && of.Stream {
		span.SetAttributes(semconv.GenAIResponseTimeToFirstChunk(of.Start.Add(of.FirstToken).Sub(of.Asked).Seconds()))
	}
	if of.Code != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(string(of.Code)))
		span.SetStatus(codes.Error, "")
	}
	end := of.Asked.Add(of.Upstream)
	if of.Stream { // its waits are spread over the answer
		end = of.End()
	}
	span.End(oteltrace.WithTimestamp(end))
}

func set(span oteltrace.Span, key attribute.Key, text string) {
	if text != "" {
		span.SetAttributes(key.String(text))
	}
}
