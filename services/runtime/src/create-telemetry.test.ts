import { expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { startCollector } from './start-collector.ts';
import { startFixture } from './start-fixture.ts';

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
