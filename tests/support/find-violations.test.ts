import { describe, expect, test } from 'vitest';
import { findViolations } from './find-violations.ts';
import type { LedgerEntry, Operation } from './ledger.ts';
import { measureGaps } from './measure-gaps.ts';

/** An entry that begins at `at` and takes 10 ms. */
function entry(
  operation: Operation,
  at: number,
  status: number | undefined,
  more: Partial<LedgerEntry> = {},
): LedgerEntry {
  const times = { startedAtMs: at, endedAtMs: at + 10 };
  return { operation, worker: 0, userId: 'ann', sessionId: 's1', target: 'auth-1', ...times, status, ...more };
}

const kindsOf = (entries: LedgerEntry[]) => findViolations(entries).map(({ kind }) => kind);

describe('a history that keeps the promises', () => {
  test.each<[string, LedgerEntry[]]>([
    [
      'log in, use, log out, refused',
      [
        entry('login', 0, 201),
        entry('validate', 20, 200, { seenUserId: 'ann' }),
        entry('logout', 40, 204),
        entry('validate', 60, 401),
      ],
    ],
    [
      'an outage in between',
      [
        entry('login', 0, 201),
        entry('validate', 20, 503, { hasRetryAfter: true }),
        entry('validate', 40, undefined),
        entry('validate', 60, 200),
      ],
    ],
    [
      'a logout without an answer that did not happen',
      [entry('login', 0, 201), entry('logout', 20, undefined), entry('validate', 40, 200)],
    ],
    [
      'a logout without an answer that did happen',
      [entry('login', 0, 201), entry('logout', 20, undefined), entry('validate', 40, 401)],
    ],
    [
      'a logout without an answer that happens late',
      [entry('login', 0, 201), entry('logout', 20, undefined), entry('validate', 40, 200), entry('validate', 60, 401)],
    ],
    [
      'a validation beside the logout, either way',
      [entry('login', 0, 201), entry('logout', 20, 204), entry('validate', 22, 200), entry('validate', 15, 401)],
    ],
    [
      'an order that is found, and one without an answer that is not',
      [
        entry('login', 0, 201),
        entry('order', 20, 201, { orderId: 'o1' }),
        entry('find-order', 40, 200, { orderId: 'o1' }),
        entry('order', 60, undefined),
        entry('find-order', 80, 404, { orderId: 'o2' }),
      ],
    ],
    [
      'a JWT that outlives its session',
      [entry('login', 0, 201), entry('exchange', 20, 200), entry('logout', 40, 204), entry('use-jwt', 60, 200)],
    ],
    ['a login that was refused', [entry('login', 0, 503, { hasRetryAfter: true, sessionId: undefined as never })]],
  ])('%s', (_, entries) => {
    expect(kindsOf(entries)).toEqual([]);
  });
});

describe('a history that breaks one', () => {
  test.each<[string, string, LedgerEntry[]]>([
    [
      'lost-login',
      'unknown after 201',
      [entry('login', 0, 201), entry('validate', 20, 401, { code: 'session-unknown' })],
    ],
    [
      'lost-login',
      'alive, then gone without a logout',
      [entry('login', 0, 201), entry('validate', 20, 200), entry('validate', 40, 401)],
    ],
    [
      'lost-login',
      'gone before anybody asked for the logout',
      [entry('login', 0, 201), entry('validate', 20, 401), entry('logout', 40, 204)],
    ],
    [
      'false-401',
      'refused once, and alive again',
      [entry('login', 0, 201), entry('validate', 20, 401), entry('validate', 40, 200)],
    ],
    [
      'resurrected-session',
      'alive after 204',
      [entry('login', 0, 201), entry('logout', 20, 204), entry('validate', 40, 200)],
    ],
    [
      'resurrected-session',
      'ended by a logout without an answer, and back',
      [entry('login', 0, 201), entry('logout', 20, undefined), entry('validate', 40, 401), entry('validate', 60, 200)],
    ],
    [
      'wrong-user',
      'another user in the answer',
      [entry('login', 0, 201), entry('validate', 20, 200, { seenUserId: 'ben' })],
    ],
    [
      'lost-order',
      'placed, and not found',
      [
        entry('login', 0, 201),
        entry('order', 20, 201, { orderId: 'o1' }),
        entry('find-order', 40, 404, { orderId: 'o1' }),
      ],
    ],
    [
      'lost-login',
      'refused an order, and a session',
      [entry('login', 0, 201), entry('order', 20, 401, { code: 'session-unknown' })],
    ],
    ['unexpected-answer', 'a 500', [entry('login', 0, 201), entry('validate', 20, 500)]],
    ['unexpected-answer', 'a right password refused', [entry('login', 0, 401)]],
    ['unexpected-answer', 'a logout refused', [entry('login', 0, 201), entry('logout', 20, 401)]],
    ['unexpected-answer', 'a good JWT refused', [entry('login', 0, 201), entry('use-jwt', 20, 401)]],
    [
      'bad-503',
      'a cookie touched by an outage',
      [entry('validate', 0, 503, { hasRetryAfter: true, setsCookie: true })],
    ],
    ['bad-503', 'no Retry-After', [entry('validate', 0, 503)]],
  ])('%s: %s', (kind, _, entries) => {
    expect(kindsOf(entries)).toEqual([kind]);
  });
});

test('a gap lasts from one confirmed operation to the next, and reads are not writes', () => {
  const entries = [
    entry('login', 0, 201),
    entry('validate', 10, 200),
    entry('validate', 30, 503, { hasRetryAfter: true }),
    entry('validate', 100, 200),
    entry('logout', 50, undefined),
    entry('logout', 300, 204),
  ];
  expect(measureGaps(entries)).toEqual({ readMs: 90, writeMs: 300, pingMs: undefined });
});
