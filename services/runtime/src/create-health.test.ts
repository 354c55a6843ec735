import { expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
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

const warmUpMs = 0;

test('a check that is left out does not count, and is not waited for', async () => {
  const silent = () => new Promise(() => {});
  const health = createHealth({ checks: { fine: async () => {}, silent }, timeoutMs: 20, warmUpMs });
  expect(await health.readiness(['silent'])).toEqual({ ready: true, draining: false, checks: { fine: 'ok' } });
  const forever = createHealth({ checks: { silent }, timeoutMs: 2 ** 30, warmUpMs });
  expect(await forever.readiness(['silent'])).toEqual({ ready: true, draining: false, checks: {} });
  forever.drain();
  expect(await forever.readiness(['silent'])).toMatchObject({ ready: false });
});

test('a new instance takes no requests before its stores have answered once, but those that answered may fail later', async () => {
  let reachable = false;
  const store = async () => {
    if (!reachable) throw new Error('no way there yet');
  };
  const health = createHealth({ checks: { store } });
  expect(await health.readiness(['store'])).toMatchObject({ ready: false, checks: { store: 'failed' } });
  reachable = true;
  expect(await health.readiness(['store'])).toMatchObject({ ready: true });
  reachable = false;
  expect(await health.readiness(['store'])).toMatchObject({ ready: true });
});

test('where the stores stay down a new instance becomes ready all the same, to tell clients so', async () => {
  const health = createHealth({ checks: { store: () => Promise.reject(new Error('down')) }, warmUpMs: 50 });
  expect(await health.readiness(['store'])).toMatchObject({ ready: false });
  await pollUntil('readiness', 10_000, async () => (await health.readiness(['store'])).ready);
});

test('callers that ask at the same time share one check', async () => {
  let asked = 0;
  const health = createHealth({ checks: { counted: async () => asked++ } });
  await Promise.all(Array.from({ length: 50 }, () => health.readiness()));
  expect(asked).toBe(1);
  await health.readiness();
  expect(asked).toBe(2);
});
