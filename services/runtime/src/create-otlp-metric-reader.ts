import { type IMetricReader, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { Environment } from './parse-config.ts';

/**
 * Sends metrics by OTLP at intervals. sdk-node builds such a reader by itself only where no other is given, and the
 * Prometheus one always is. The exporter reads the rest of the standard variables (endpoint, headers, TLS) itself.
 */
export async function createOtlpMetricReader(env: Environment): Promise<IMetricReader> {
  const intervalMs = positive(env['OTEL_METRIC_EXPORT_INTERVAL'], 60_000);
  return new PeriodicExportingMetricReader({
    exporter: await createExporter(env['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL']),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(intervalMs, positive(env['OTEL_METRIC_EXPORT_TIMEOUT'], 30_000)),
  });
}

async function createExporter(protocol: string | undefined): Promise<PushMetricExporter> {
  switch (protocol) {
    case 'grpc':
      return new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter();
    case 'http/json':
      return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter();
    default:
      return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter();
  }
}

function positive(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : fallback;
}
