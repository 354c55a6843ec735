import { expect, test } from 'vitest';
import { parseLayout } from './platform-layout.ts';

test('every port can be changed, and what is not stays', () => {
  const layout = parseLayout({ HOLDFAST_REDIS_PORTS: '7001, 7002,7003', HOLDFAST_POSTGRES_PORT: '7005' });
  expect(layout).toMatchObject({ redis: [7001, 7002, 7003], postgres: [7005], auth: [8081, 8082] });
});

test.each([
  [
    'no number',
    { HOLDFAST_AUTH_PORTS: '8081,x' },
    /HOLDFAST_AUTH_PORTS is wrong: it must be any number of ports such as 8081,8082\./,
  ],
  ['out of range', { HOLDFAST_POSTGRES_PORT: '70000' }, /HOLDFAST_POSTGRES_PORT/],
  ['too few', { HOLDFAST_SENTINEL_PORTS: '1,2' }, /HOLDFAST_SENTINEL_PORTS/],
  [
    'one port for two',
    { HOLDFAST_POSTGRES_PORT: '8081' },
    /8081 is both in HOLDFAST_AUTH_PORTS and in HOLDFAST_POSTGRES_PORT/,
  ],
  ['twice the same', { HOLDFAST_REDIS_PORTS: '7001,7001,7003' }, /HOLDFAST_REDIS_PORTS names 7001 twice/],
  ['replicas without metrics', { HOLDFAST_AUTH_PORTS: '9001' }, /HOLDFAST_AUTH_METRICS_PORTS must name equally many/],
])('refuses ports with %s, and says which variable to mend', (_, env, message) => {
  expect(() => parseLayout(env)).toThrow(message);
});

test('tells all mistakes at once', () => {
  expect(() => parseLayout({ HOLDFAST_AUTH_PORTS: 'x', HOLDFAST_ORDERS_PORTS: 'y' })).toThrow(
    /AUTH_PORTS[\s\S]*ORDERS_PORTS/,
  );
});
