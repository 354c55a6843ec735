import { describe, expect, test } from 'vitest';
import { type RoleMapping, toOidcIdentity, toOidcUserId, toSessionLink } from './to-oidc-identity.ts';

const mapping = (changed: Partial<RoleMapping> = {}): RoleMapping => ({
  claim: 'groups',
  roles: new Map([
    ['idp admins', 'admin'],
    ['staff', 'clerk'],
  ]),
  defaults: ['customer'],
  ...changed,
});
const token = (claims: Record<string, unknown> = {}) => ({
  ...{ iss: 'https://id.example', sub: 'ann', aud: 'holdfast', iat: 1, exp: 2 },
  ...claims,
});
const rolesOf = (claims: Record<string, unknown>, changed?: Partial<RoleMapping>) =>
  toOidcIdentity(token(claims), mapping(changed)).roles;

describe('roles', () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ['a list', { groups: ['staff', 'idp admins'] }, ['customer', 'clerk', 'admin']],
    ['a text', { groups: 'staff' }, ['customer', 'clerk']],
    ['values that no role is given for, such as our own roles', { groups: ['admin', 'constructor'] }, ['customer']],
    ['nothing', {}, ['customer']],
    ['what is no text', { groups: [1, null, { staff: true }, ['staff']] }, ['customer']],
    ['the same twice', { groups: ['staff', 'staff'] }, ['customer', 'clerk']],
  ])('come of %s in the claim', (_, claims, roles) => expect(rolesOf(claims)).toEqual(roles));

  test('come of a claim inside of others, by its path', () => {
    const claim = 'realm_access.roles';
    expect(rolesOf({ realm_access: { roles: ['staff'] } }, { claim })).toEqual(['customer', 'clerk']);
    for (const realm_access of [undefined, null, 'roles', {}, { roles: { staff: 1 } }]) {
      expect(rolesOf({ realm_access }, { claim })).toEqual(['customer']);
    }
    expect(rolesOf({}, { claim: 'constructor.name' })).toEqual(['customer']);
  });

  test('come of a claim that has dots in its name', () => {
    const claim = 'https://example.com/roles';
    expect(rolesOf({ [claim]: ['staff'] }, { claim })).toEqual(['customer', 'clerk']);
  });

  test('are only everybody’s where no claim gives any', () => {
    expect(rolesOf({ groups: ['staff'] }, { claim: undefined })).toEqual(['customer']);
  });
});

describe('a user’s id', () => {
  test('is none that a user file can have', () => {
    expect(toOidcUserId('https://id.example', 'ann')).toMatch(/^oidc:[A-Za-z0-9_-]{43}$/);
    expect(toOidcUserId('https://id.example', 'ann')).not.toMatch(/^[A-Za-z0-9._@-]{1,128}$/);
  });

  test('is another one for each issuer and subject, wherever one ends and the other begins', () => {
    const pairs = [
      ['https://a', 'bc'],
      ['https://ab', 'c'],
      ['https://a', 'BC'],
      ['https://a","bc', ''],
    ] as const;
    expect(new Set(pairs.map(([iss, sub]) => toOidcUserId(iss, sub))).size).toBe(pairs.length);
  });

  test('stays the same over releases: it is whose orders are', () => {
    expect(toOidcUserId('https://id.example', 'ann')).toBe('oidc:4zDQ3CumaA-AaIISnkgWVJy19_zQJX3VGsElDgN1fNY');
  });
});

test('the rest is taken from the token where it is what it should be', () => {
  const claims = { sid: 's1', amr: ['pwd', 'otp'], auth_time: 1_700_000_000 };
  expect(toOidcIdentity(token(claims), mapping())).toMatchObject({
    amr: ['pwd', 'otp'],
    authenticatedAtMs: 1_700_000_000_000,
    link: toSessionLink('https://id.example', 's1'),
  });
  const without = toOidcIdentity(token({ sid: 7, amr: 7 }), mapping());
  expect(without).toMatchObject({ amr: [], link: undefined });
});

describe('an authentication', () => {
  const nowMs = 1_700_000_000_500;
  const now = 1_700_000_000;
  const timeOf = (authTime: unknown) =>
    toOidcIdentity(token({ auth_time: authTime }), mapping(), nowMs).authenticatedAtMs;

  test.each([
    ['an hour ago', now - 3600, (now - 3600) * 1000],
    ['with a fraction of a second', now - 3600.5, (now - 3601) * 1000],
    ['this second', now, now * 1000],
    ['by a clock that is a little ahead: now', now + 29, nowMs],
    ['in 1970', 1, 1000],
  ])('counts from when the provider says: %s', (_, authTime, expected) => expect(timeOf(authTime)).toBe(expected));

  test.each([
    ['missing', undefined],
    ['null', null],
    ['a text', String(now)],
    ['an ISO date', '2023-11-14T22:13:20Z'],
    ['a list', [now]],
    ['an object', { valueOf: now }],
    ['true', true],
    ['not a number', Number.NaN],
    ['zero', 0],
    ['negative', -1],
    ['negative without end', Number.NEGATIVE_INFINITY],
    ['without end', Number.POSITIVE_INFINITY],
    ['1e300', 1e300],
    ['in milliseconds', nowMs],
    ['in microseconds', nowMs * 1000],
    ['a minute ahead', now + 60],
  ])('is as old as possible where the time is %s', (_, authTime) => expect(timeOf(authTime)).toBe(0));

  test('is never later than now, and a whole number that Redis can count with, whatever the time is', () => {
    for (let count = 0; count < 10_000; count++) {
      const size = 10 ** (Math.random() * 40 - 10) * (Math.random() < 0.2 ? -1 : 1);
      for (const authTime of [size, now + size, String(size), nowMs - size]) {
        const time = timeOf(authTime);
        expect(Number.isSafeInteger(time) && time >= 0 && time <= nowMs, `auth_time ${authTime}`).toBe(true);
      }
    }
  });
});
