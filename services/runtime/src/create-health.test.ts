import { expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { createHealth, RefusedError } from './create-health.ts';

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

test('what refuses a new instance counts although it is left out, for as long as it does', async () => {
  let failure: Error | undefined = new Error('away');
  const check = async () => {
    if (failure) throw failure;
  };
  const createRefused = () => createHealth({ checks: { check }, warmUpMs: 0 });
  // Away: the instance is needed to say so.
  expect(await createRefused().readiness(['check'])).toMatchObject({ ready: true });
  failure = new RefusedError();
  const health = createHealth({ checks: { check }, warmUpMs: 1000 });
  expect(await health.readiness(['check'])).toMatchObject({ ready: false, checks: { check: 'refused' } });
  const askedAtMs = performance.now();
  await pollUntil('the end of the warm-up', 5000, () => performance.now() - askedAtMs > 1100);
  expect(await health.readiness(['check'])).toMatchObject({ ready: false, checks: { check: 'refused' } });
  // That it is away for a moment does not make the configuration right.
  failure = new Error('away');
  expect(await health.readiness(['check'])).toMatchObject({ ready: false });
  expect(await health.readiness(['check'])).toMatchObject({ ready: false });
  failure = undefined;
  expect(await health.readiness(['check'])).toMatchObject({ ready: true });
  // One that has served does not go for it: all replicas would go at once.
  failure = new RefusedError();
  expect(await health.readiness(['check'])).toMatchObject({ ready: true });
});
