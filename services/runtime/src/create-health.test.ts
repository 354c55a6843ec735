import { expect, test } from 'vitest';
import { createHealth } from './create-health.ts';

test('readiness names what fails, and what does not answer in time', async () => {
  const health = createHealth({
    checks: {
      fine: async () => {},
      broken: () => Promise.reject(new Error('password=hunter2')),
      throwing: () => {
        throw new Error('at once');
      },
      silent: () => new Promise(() => {}),
    },
    timeoutMs: 20,
  });
  const { ready, checks } = await health.readiness();
  expect(ready).toBe(false);
  expect(checks).toEqual({ fine: 'ok', broken: 'failed', throwing: 'failed', silent: 'timeout' });
});

test('a draining service is not ready, whatever its checks say', async () => {
  const health = createHealth({ checks: { fine: async () => {} } });
  expect(await health.readiness()).toEqual({ ready: true, draining: false, checks: { fine: 'ok' } });
  health.drain();
  expect(await health.readiness()).toEqual({ ready: false, draining: true, checks: { fine: 'ok' } });
});

test('a check that is left out does not count, and is not waited for', async () => {
  const health = createHealth({ checks: { fine: async () => {}, silent: () => new Promise(() => {}) }, timeoutMs: 20 });
  expect(await health.readiness(['silent'])).toEqual({ ready: true, draining: false, checks: { fine: 'ok' } });
  const forever = createHealth({ checks: { silent: () => new Promise(() => {}) }, timeoutMs: 2 ** 30 });
  expect(await forever.readiness(['silent'])).toEqual({ ready: true, draining: false, checks: {} });
  forever.drain();
  expect(await forever.readiness(['silent'])).toMatchObject({ ready: false });
});

test('callers that ask at the same time share one check', async () => {
  let asked = 0;
  const health = createHealth({ checks: { counted: async () => asked++ } });
  await Promise.all(Array.from({ length: 50 }, () => health.readiness()));
  expect(asked).toBe(1);
  await health.readiness();
  expect(asked).toBe(2);
});
