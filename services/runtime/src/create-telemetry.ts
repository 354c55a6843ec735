import { createServer } from 'node:http';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import {
  defaultResource,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { Logger } from './create-logger.ts';
import { createMetricReaders } from './create-metric-readers.ts';
import { hideValues } from './hide-values.ts';
import { listen } from './listen.ts';
import type { Environment } from './parse-config.ts';
import { createServiceMetrics, type ServiceMetrics } from './service-metrics.ts';
import { parseTelemetrySettings } from './telemetry-settings.ts';

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
 * Starts OpenTelemetry. Where spans and metrics go is what the standard `OTEL_*` variables say (exporters, endpoints, protocol,
 * headers, sampler, resource); without an endpoint or an exporter they go nowhere. Prometheus can always scrape `/metrics`, on
 * a port of its own, also where `OTEL_SDK_DISABLED` turns all else off: it is this service's own endpoint.
 *
 * @throws StartError when the metrics port can't be had
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export async function createTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env, logger } = options;
  const { traces, metrics } = parseTelemetrySettings(env, logger);
  logDiagnostics(env, logger);
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const readers = [prometheus, ...(await createMetricReaders(metrics, env))];
  // The SDK reads the environment by itself. It gets what the variables came to here: it would turn `/metrics` off with the rest,
  // set a logger that does not write JSON, and ignore a list of exporters with one that it does not know.
  const understood = {
    OTEL_SDK_DISABLED: undefined,
    OTEL_LOG_LEVEL: undefined,
    OTEL_TRACES_EXPORTER: traces.join() || undefined,
  };
  const sdk = withEnvironment(understood, () => {
    const created = new NodeSDK({
      // What the variables say of the resource wins: OTEL_SERVICE_NAME, then service.name in OTEL_RESOURCE_ATTRIBUTES.
      resource: defaultResource().merge(resourceFromAttributes({ 'service.name': options.service })),
      metricReaders: readers,
      logRecordProcessors: [],
      // Not the host's and the process's: command lines are nobody's business, and each scrape would repeat them.
      resourceDetectors: [envDetector, serviceInstanceIdDetector],
      ...(traces.length > 0 ? {} : { spanProcessors: [] }),
    });
    created.start();
    return created;
  });
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] === '/metrics') prometheus.getMetricsRequestHandler(request, response);
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('The metrics are at /metrics\n');
  });
  const metricsPort = await listen(server, options.host, options.metricsPort, 'METRICS_PORT');
  return {
    metrics: createServiceMetrics(),
    tracing: traces.length > 0,
    metricsPort,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await sdk.shutdown();
    },
  };
}

/** What OpenTelemetry has to say, in our log and without the values of its variables. */
function logDiagnostics(env: Environment, logger: Logger): void {
  const hide = hideValues(env, 'OTEL_');
  const detail = (rest: unknown[]) => ({ detail: rest.map((value) => hide(String(value))) });
  const logLevel = env['OTEL_LOG_LEVEL']?.toLowerCase() === 'debug' ? DiagLogLevel.DEBUG : DiagLogLevel.WARN;
  diag.setLogger(
    {
      error: (message: string, ...rest: unknown[]) => logger.error(detail(rest), hide(message)),
      warn: (message: string, ...rest: unknown[]) => logger.warn(detail(rest), hide(message)),
      info: (message: string) => logger.info(hide(message)),
      debug: (message: string) => logger.debug(hide(message)),
      verbose: (message: string) => logger.trace(hide(message)),
    },
    { logLevel, suppressOverrideMessage: true },
  );
}

/** Runs something, not asynchronous, while the process has these variables in place of its own. */
function withEnvironment<T>(changes: Environment, run: () => T): T {
  const before = { ...process.env };
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(changes)) set(name, value);
  try {
    return run();
  } finally {
    for (const name of Object.keys(changes)) set(name, before[name]);
  }
}
