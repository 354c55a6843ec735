import type { Logger } from './create-logger.ts';
import type { Environment } from './parse-config.ts';

/** What OpenTelemetry's variables say about where telemetry goes. */
export interface TelemetrySettings {
  /** `OTEL_SDK_DISABLED`: nothing is recorded to be sent. */
  disabled: boolean;
  /** Exporters of spans; empty where none are recorded. */
  traces: readonly string[];
  /** Exporters of metrics besides `/metrics`, which is always there. */
  metrics: readonly string[];
}

/** `zipkin` is deprecated, but the specification still has it. */
const traceExporters = ['otlp', 'zipkin', 'console'];
const metricExporters = ['otlp', 'prometheus', 'console'];

/**
 * Reads `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER` and `OTEL_METRICS_EXPORTER`. The default exporter is `otlp`, but only where
 * an endpoint is configured: the specification's own default would send to an address nobody chose. A value that is not
 * known is warned of and ignored, as the specification asks.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function parseTelemetrySettings(env: Environment, logger: Logger): TelemetrySettings {
  const disabled = env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true';
  const select = (variable: string, known: readonly string[], endpoint: string): string[] => {
    const names = (env[variable] ?? '').split(',').flatMap((name) => name.trim() || []);
    const unknown = names.filter((name) => name !== 'none' && !known.includes(name));
    if (unknown.length > 0) {
      logger.warn({ variable, known: [...known, 'none'] }, `${variable} names an exporter that is not known: ignored`);
    }
    if (disabled || names.includes('none')) return [];
    const selected = known.filter((name) => names.includes(name));
    if (selected.length > 0) return selected;
    return env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env[endpoint] ? ['otlp'] : [];
  };
  return {
    disabled,
    traces: select('OTEL_TRACES_EXPORTER', traceExporters, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'),
    metrics: select('OTEL_METRICS_EXPORTER', metricExporters, 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'),
  };
}
