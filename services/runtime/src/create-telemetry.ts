import { createServer } from 'node:http';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { envDetector, serviceInstanceIdDetector } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { Logger } from './create-logger.ts';
import { createOtlpMetricReader } from './create-otlp-metric-reader.ts';
import { listen } from './listen.ts';
import type { Environment } from './parse-config.ts';
import { createServiceMetrics, type ServiceMetrics } from './service-metrics.ts';

export interface TelemetryOptions {
  /** `service.name`, unless `OTEL_SERVICE_NAME` says otherwise. */
  service: string;
  host: string;
  /** Where `/metrics` is served for Prometheus; 0 lets the system choose. */
  metricsPort: number;
  env: Environment;
  logger: Logger;
}

export interface Telemetry {
  metrics: ServiceMetrics;
  /** Whether spans are recorded and sent. Where they are not, W3C trace context still passes through and is logged. */
  tracing: boolean;
  metricsPort: number;
  /** Sends what is still held back and closes the metrics port. */
  close(): Promise<void>;
}

/**
 * Starts OpenTelemetry. Spans and OTLP metrics go out only where an OTLP endpoint is configured; the standard `OTEL_*`
 * variables decide how (protocol, headers, sampler). Prometheus can always scrape `/metrics`, on a port of its own.
 *
 * @throws StartError when the metrics port can't be had
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export async function createTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env, logger } = options;
  // The SDK sets a logger of its own when this variable is there, and that one does not write JSON.
  const level = env['OTEL_LOG_LEVEL']?.toLowerCase() === 'debug' ? DiagLogLevel.DEBUG : DiagLogLevel.WARN;
  const tracing = isSet(
    env,
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'OTEL_TRACES_EXPORTER',
  );
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const otlp = isSet(env, 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT')
    ? await createOtlpMetricReader(env)
    : undefined;
  const sdk = new NodeSDK({
    serviceName: env['OTEL_SERVICE_NAME'] || options.service,
    metricReaders: otlp ? [prometheus, otlp] : [prometheus],
    logRecordProcessors: [],
    // Not the host's and the process's: command lines are nobody's business, and each scrape would repeat them.
    resourceDetectors: [envDetector, serviceInstanceIdDetector],
    ...(tracing ? {} : { spanProcessors: [] }),
  });
  const diagnostics = {
    error: (message: string, ...rest: unknown[]) => logger.error({ detail: rest.map(String) }, message),
    warn: (message: string, ...rest: unknown[]) => logger.warn({ detail: rest.map(String) }, message),
    info: (message: string) => logger.info(message),
    debug: (message: string) => logger.debug(message),
    verbose: (message: string) => logger.trace(message),
  };
  diag.setLogger(diagnostics, { logLevel: level, suppressOverrideMessage: true });
  sdk.start();
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] === '/metrics') prometheus.getMetricsRequestHandler(request, response);
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('The metrics are at /metrics\n');
  });
  const metricsPort = await listen(server, options.host, options.metricsPort, 'METRICS_PORT');
  return {
    metrics: createServiceMetrics(),
    tracing,
    metricsPort,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await sdk.shutdown();
    },
  };
}

const isSet = (env: Environment, ...names: string[]) => names.some((name) => env[name] && env[name] !== 'none');
