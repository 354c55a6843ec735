import { expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { startCollector } from './start-collector.ts';
import { type Fixture, startFixture } from './start-fixture.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${parentId}-01`;

test('with an OTLP endpoint, spans continue the caller’s trace and metrics are sent; the last of both when it stops', async () => {
  await using collector = await startCollector();
  await using service = await startFixture({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    DRAIN_DELAY_MS: '0',
  });
  const headers = { traceparent, cookie: '__Host-hf=hunter2', authorization: 'Bearer hunter2', connection: 'close' };
  await fetch(`http://127.0.0.1:${service.port}/work?ms=1&password=hunter2`, { headers });
  await fetch(`http://127.0.0.1:${service.port}/nothing`, { headers });
  service.process.kill('SIGTERM');
  expect(await service.exited).toBe(0);
  const spans = collector.spans();
  expect(spans.map(({ name }) => name)).toEqual(['GET /work', 'GET']);
  expect(spans[0]).toMatchObject({ kind: 2, traceId, parentSpanId: parentId });
  const attributes = Object.fromEntries(
    spans[0]?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? [],
  );
  expect(attributes).toEqual({
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'http.route': '/work',
    'url.path': '/work',
    'url.scheme': 'http',
  });
  expect(collector.text('/v1/metrics')).toContain('http.server.request.duration');
  expect(collector.text('/v1/traces') + collector.text('/v1/metrics')).not.toContain('hunter2');
  const line = service.lines.find(({ route }) => route === '/work');
  expect(line).toMatchObject({ traceId, spanId: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(line?.['spanId']).not.toBe(parentId);
});

test('without one, nothing is sent, the caller’s trace is still logged, and Prometheus can scrape', async () => {
  await using service = await startFixture({ DRAIN_DELAY_MS: '0' });
  await fetch(`http://127.0.0.1:${service.port}/work?ms=1`, { headers: { traceparent } });
  await fetch(`http://127.0.0.1:${service.port}/made-up-${Math.random()}`, { method: 'PUT' });
  await pollUntil('the log', 5000, () => service.lines.some((line) => line['traceId'] === traceId));
  const scrape = await (await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`)).text();
  expect(scrape).toMatch(/^http_server_request_duration_bucket\{.*http_route="\/work".*le="0.005"\} \d/m);
  expect(scrape).toMatch(/^http_server_request_duration_count\{http_request_method="PUT".*status_code="404",otel/m);
  expect(scrape).not.toContain('made-up');
  expect((await fetch(`http://127.0.0.1:${service.metricsPort}/`)).status).toBe(404);
});

test('an unreachable collector neither stops the service nor its end', async () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    DRAIN_DELAY_MS: '0',
  };
  await using service = await startFixture(env);
  expect((await fetch(`http://127.0.0.1:${service.port}/work?ms=1`)).status).toBe(200);
  service.process.kill('SIGTERM');
  expect(await service.exited).toBe(0);
});

/** What came of one request to a service with these variables: what it sent, what it logged and what could be scraped. */
async function observe(env: Record<string, string>) {
  await using collector = await startCollector();
  await using service: Fixture = await startFixture({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    DRAIN_DELAY_MS: '0',
    ...env,
  });
  await fetch(`http://127.0.0.1:${service.port}/work?ms=1`, { headers: { traceparent, connection: 'close' } });
  const scraped = await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`);
  const scrape = await scraped.text();
  service.process.kill('SIGTERM');
  expect(await service.exited).toBe(0);
  const [traces, metrics] = [collector.text('/v1/traces'), collector.text('/v1/metrics')];
  return { status: scraped.status, scrape, traces, metrics, lines: service.lines, log: JSON.stringify(service.lines) };
}

test.each([
  ['OTEL_METRICS_EXPORTER', 'none', 'spans'],
  ['OTEL_METRICS_EXPORTER', 'prometheus', 'spans'],
  ['OTEL_METRICS_EXPORTER', 'otlp', 'spans and metrics'],
  ['OTEL_METRICS_EXPORTER', 'prometheus, otlp', 'spans and metrics'],
  ['OTEL_METRICS_EXPORTER', '', 'spans and metrics'],
  ['OTEL_METRICS_EXPORTER', 'statsd-hunter2', 'spans and metrics'],
  ['OTEL_METRICS_EXPORTER', 'prometheus,statsd-hunter2', 'spans'],
  ['OTEL_TRACES_EXPORTER', 'none', 'metrics'],
  ['OTEL_TRACES_EXPORTER', 'otlp', 'spans and metrics'],
  ['OTEL_TRACES_EXPORTER', 'jaeger-hunter2', 'spans and metrics'],
  ['OTEL_TRACES_SAMPLER', 'always_off', 'metrics'],
  ['OTEL_TRACES_SAMPLER', 'parentbased_traceidratio', 'spans and metrics'],
  ['OTEL_TRACES_SAMPLER', 'hunter2', 'spans and metrics'],
  ['OTEL_SDK_DISABLED', 'true', 'nothing'],
  ['OTEL_SDK_DISABLED', 'TRUE', 'nothing'],
  ['OTEL_SDK_DISABLED', 'false', 'spans and metrics'],
  ['OTEL_SDK_DISABLED', 'hunter2', 'spans and metrics'],
])('%s=%s: %s are sent, and Prometheus can scrape all the same', async (name, value, sent) => {
  const seen = await observe({ [name]: value });
  expect([seen.traces !== '', seen.metrics !== '']).toEqual([sent.includes('spans'), sent.includes('metrics')]);
  expect(seen.status).toBe(200);
  expect(seen.scrape).toMatch(/^http_server_request_duration_count\{.*http_route="\/work"/m);
  expect(seen.log).not.toContain('hunter2');
  if (value.includes('hunter2') && name.endsWith('EXPORTER')) expect(seen.log).toContain(`${name} names an exporter`);
  // The caller's trace passes through, whatever is sent.
  expect(seen.lines.find(({ route }) => route === '/work')).toMatchObject({ traceId });
});

test('an endpoint of one signal is for that signal', async () => {
  await using collector = await startCollector();
  const seen = await observe({
    OTEL_EXPORTER_OTLP_ENDPOINT: '',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/spans-only`,
  });
  expect(seen.metrics + seen.traces).toBe('');
  expect(collector.text('/spans-only')).toContain('GET /work');
});

test.each([
  [{}, 'fixture'],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'service.name=shop,deployment.environment=test' }, 'shop'],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'service.name=shop', OTEL_SERVICE_NAME: 'till' }, 'till'],
])('the name of the service is what the variables say: %j is %s', async (env, name) => {
  const seen = await observe(env);
  expect(seen.scrape).toContain(`service_name="${name}"`);
  expect(seen.traces).toContain(`{"key":"service.name","value":{"stringValue":"${name}"}}`);
  if (JSON.stringify(env).includes('deployment')) expect(seen.traces).toContain('deployment.environment');
});

test.each([
  { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20hunter2-hunter2%0A,hunter2-hunter2' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:hunter2#hunter2@127.0.0.1:x' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'hunter2-hunter2' },
  { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://[hunter2-hunter2]:1' },
  { OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'hunter2-hunter2', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'hunter2-hunter2' },
  { OTEL_RESOURCE_ATTRIBUTES: 'hunter2-hunter2', OTEL_LOG_LEVEL: 'debug' },
  { OTEL_BSP_MAX_QUEUE_SIZE: 'hunter2-hunter2', OTEL_TRACES_SAMPLER_ARG: 'hunter2-hunter2' },
])('what OpenTelemetry says of a malformed variable does not repeat it: %j', async (env) => {
  const seen = await observe(env);
  expect(seen.log).not.toContain('hunter2');
  expect(seen.status).toBe(200);
});
