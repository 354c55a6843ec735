import { expect, test } from 'vitest';
import { judgeDrill } from './judge-drill.ts';
import { makeRecord } from './report/made-record.ts';
import { nodeCutOff } from './scenarios/node-cut-off.ts';

const record = makeRecord();
const evidence = { ...record, problem: undefined };

test('true answers within the limits: held', () => {
  expect(judgeDrill({ limits: { readMs: 10_000 } }, evidence)).toMatchObject({ verdict: 'held', reasons: [] });
});

test('true answers that came later than promised: slow, and by how much', () => {
  const { verdict, reasons } = judgeDrill({ limits: { readMs: 1000, unserved: 0 } }, evidence);
  expect(verdict).toBe('slow');
  expect(reasons).toEqual([
    expect.stringMatching(/^5\.\d+ s without a confirmed read, where 1\.00 s is promised$/),
    expect.stringMatching(/^\d+ requests with 503 or no answer, where 0 is promised \(.*validate: 503.*\)$/),
  ]);
});

test('a lie is broken, whatever else there is', () => {
  const lying = { ...makeRecord({ lie: true }), problem: 'no other primary' };
  expect(judgeDrill({ limits: {} }, lying)).toMatchObject({
    verdict: 'broken',
    reasons: ['1 × lost-login (validate: 401)', 'no other primary'],
  });
});

test('a fault that did not do what it should proves nothing', () => {
  expect(judgeDrill({ limits: {} }, { ...evidence, problem: 'no other primary' }).verdict).toBe('unclear');
});

test('what an isolated primary confirms is found, and whether a successor existed by then', () => {
  const login = (atMs: number, status: number) => ({
    ...{ operation: 'login' as const, worker: 0, userId: 'ann', target: 'auth-0', status, hasRetryAfter: true },
    ...{ startedAtMs: record.faultAtMs + atMs, endedAtMs: record.faultAtMs + atMs + 10 },
  });
  const judge = (...insideEntries: ReturnType<typeof login>[]) =>
    judgeDrill({ ...nodeCutOff, limits: {} }, { ...evidence, insideEntries });
  // The made-up successor is named after 5.9 s, and what is broken mended after 9 s.
  expect(judge(login(-50, 201), login(1000, 503), login(9500, 201)).verdict).toBe('held');
  expect(judge(login(1000, 201), login(7000, 201)).reasons).toEqual([
    '2 × confirmed by the isolated primary, 1 of them after its successor was named',
  ]);
});
