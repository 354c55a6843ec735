import {
  ConsoleMetricExporter,
  type IMetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import type { Environment } from './parse-config.ts';

/**
 * Readers that send metrics at intervals, for the exporters that do (`otlp`, `console`). sdk-node builds them by itself only where no
 * other is given, and the Prometheus one always is. The exporter reads the rest of the standard variables (endpoint, headers, TLS) itself.
 */
export async function createMetricReaders(exporters: readonly string[], env: Environment): Promise<IMetricReader[]> {
  const intervalMs = positive(env['OTEL_METRIC_EXPORT_INTERVAL'], 60_000);
  const created: PushMetricExporter[] = [];
  const protocol = env['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'];
  if (exporters.includes('otlp')) created.push(await createOtlpExporter(protocol?.trim()));
  if (exporters.includes('console')) created.push(new ConsoleMetricExporter());
  return created.map(
    (exporter) =>
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: intervalMs,
        exportTimeoutMillis: Math.min(intervalMs, positive(env['OTEL_METRIC_EXPORT_TIMEOUT'], 30_000)),
      }),
  );
}

async function createOtlpExporter(protocol: string | undefined): Promise<PushMetricExporter> {
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
