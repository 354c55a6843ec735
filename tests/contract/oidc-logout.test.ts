import { hash } from 'node:crypto';
import { generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOGOUT_EVENT, type LogoutTokenOptions } from '../support/openid-provider.ts';
import { pollUntil } from '../support/poll-until.ts';
import { recordKeyNames } from '../support/record-key-names.ts';
import { readRecord } from '../support/session-records.ts';
import { startOidc, type TestSingleSignOn } from '../support/start-oidc.ts';
import { TestBrowser } from '../support/test-browser.ts';

let sso: TestSingleSignOn;
let home: string;

beforeAll(async () => {
  // What is configured need not be what the provider calls itself, to the slash.
  sso = await startOidc((issuer) => ({ OIDC_ISSUER: `${issuer}/` }));
  await sso.provider.start();
  home = sso.auth[0].url;
});
afterAll(() => sso?.[Symbol.asyncDispose]());

const person = () => `person-${crypto.randomUUID()}`;

interface SignedIn {
  browser: TestBrowser;
  /** The provider's session. */
  sid: string;
}

async function toCallback(browser: TestBrowser, name: string): Promise<URL> {
  return await pollUntil('single sign-on', 10_000, async () => {
    const begun = await browser.send(`${home}/auth/oidc/login`, { headers: { 'sec-fetch-site': 'same-origin' } });
    const location = begun.headers.get('location');
    return location !== null && (await sso.provider.signIn(browser, location, name));
  });
}

/** In a browser of its own, so with a session of its own at the provider too. */
async function signIn(name: string): Promise<SignedIn> {
  const browser = new TestBrowser();
  expect((await browser.send(await toCallback(browser, name))).status).toBe(303);
  return { browser, sid: sso.provider.claimsOf(name).sid };
}

/** `active`, or the code of the refusal. */
async function stateOf({ browser }: SignedIn): Promise<string> {
  const token = browser.cookies.get('__Host-hf') ?? '';
  // By bearer, so that the browser keeps whatever cookie it has.
  const response = await fetch(`${sso.auth[1].url}/v1/session`, { headers: { authorization: `Bearer ${token}` } });
  return response.status === 200 ? 'active' : ((await response.json()) as { code: string }).code;
}

const sendToken = (token: string) =>
  fetch(`${home}/auth/oidc/backchannel-logout`, {
    method: 'POST',
    // As a server of another site would send it.
    body: new URLSearchParams({ logout_token: token }),
  });

describe('by the back channel', () => {
  test('the provider ends what came of its session, and neither the person’s other one nor anybody else’s', async () => {
    const name = person();
    const [ended, other, somebody] = [await signIn(name), await signIn(name), await signIn(person())];
    expect(ended.sid).not.toBe(other.sid);
    await sso.provider.signOut(ended.browser, `${home}/auth/oidc/logout`);
    await pollUntil('the logout', 10_000, async () => (await stateOf(ended)) === 'session-revoked');
    expect([await stateOf(other), await stateOf(somebody)]).toEqual(['active', 'active']);
    expect(await sso.readLogs()).toMatch(/"audit":"session-revoked".*"reason":"ended-by-provider"/);
  });

  test('by `sid`, as well as by `sid` and `sub`', async () => {
    const name = person();
    const [one, two, three] = [await signIn(name), await signIn(name), await signIn(name)];
    for (const claims of [{ sid: one.sid }, { sid: two.sid, sub: name }]) {
      const response = await sendToken(await sso.provider.createLogoutToken({ claims }));
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    }
    expect([await stateOf(one), await stateOf(two), await stateOf(three)]).toEqual([
      'session-revoked',
      'session-revoked',
      'active',
    ]);
  });

  test.each([
    ['the recommended type', 'logout+jwt'],
    ['the type as a media type', 'application/logout+jwt'],
    ['the type in other letters', 'Logout+JWT'],
    ['the type that Keycloak sends', 'JWT'],
    ['the same as a media type', 'application/jwt'],
    ['no type', undefined],
  ])('of a provider that sends %s', async (_, typ) => {
    const name = person();
    const session = await signIn(name);
    const token = await sso.provider.createLogoutToken({ claims: { sid: session.sid, sub: name }, typ });
    expect((await sendToken(token)).status).toBe(200);
    expect(await stateOf(session)).toBe('session-revoked');
  });

  test('by `sub`, everything of that person, and nothing of anybody else', async () => {
    const name = person();
    const [one, two, somebody] = [await signIn(name), await signIn(name), await signIn(person())];
    const token = await sso.provider.createLogoutToken({ claims: { sub: name } });
    expect((await sendToken(token)).status).toBe(200);
    expect([await stateOf(one), await stateOf(two), await stateOf(somebody)]).toEqual([
      'session-revoked',
      'session-revoked',
      'active',
    ]);
  });

  test('nothing, where the session is not that person’s, or is not known', async () => {
    const name = person();
    const session = await signIn(name);
    for (const claims of [{ sid: session.sid, sub: person() }, { sid: 'of-nobody' }, { sub: person() }]) {
      expect((await sendToken(await sso.provider.createLogoutToken({ claims }))).status).toBe(200);
    }
    expect(await stateOf(session)).toBe('active');
  });

  test('also a sign-in that is just under way with that session: it comes too late', async () => {
    const name = person();
    const { browser, sid } = await signIn(name);
    const callback = await toCallback(browser, name);
    const token = await sso.provider.createLogoutToken({ claims: { sid, sub: name } });
    expect((await sendToken(token)).status).toBe(200);
    const before = browser.cookies.get('__Host-hf');
    const late = await browser.send(callback);
    expect([late.status, await late.text()]).toEqual([
      400,
      expect.stringContaining('signed out at the identity provider'),
    ]);
    expect(sso.provider.claimsOf(name).sid).toBe(sid);
    expect(browser.cookies.get('__Host-hf')).toBe(before);
  });

  test('a token counts once: it ends no session that was begun since', async () => {
    const name = person();
    await signIn(name);
    const token = await sso.provider.createLogoutToken({ claims: { sub: name } });
    expect((await sendToken(token)).status).toBe(200);
    const since = await signIn(name);
    for (let time = 0; time < 3; time++) expect((await sendToken(token)).status).toBe(400);
    expect(await stateOf(since)).toBe('active');
    expect(await sso.readLogs()).toContain(
      '"audit":"logout-refused","ip":"127.0.0.1","reason":"This logout token came before."',
    );
  });

  test('a token that could not be acted on, for the store was down, is good once more', async () => {
    const session = await signIn(person());
    const token = await sso.provider.createLogoutToken({ claims: { sid: session.sid } });
    await sso.redis.killed();
    const refused = await sendToken(token);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    await sso.redis.start();
    await pollUntil('auth to have Redis back', 10_000, async () => {
      const ready = await Promise.all(sso.auth.map(({ url }) => fetch(`${url}/readyz`)));
      return ready.every(({ ok }) => ok);
    });
    expect(await stateOf(session)).toBe('active');
    expect((await sendToken(token)).status).toBe(200);
    expect(await stateOf(session)).toBe('session-revoked');
  });
});

describe('a logout token is refused, and ends nothing,', () => {
  const now = () => Math.floor(Date.now() / 1000);
  type Case = [why: string, make: (claims: JWTPayload) => Promise<string> | string];
  const signed =
    (options: (claims: JWTPayload) => LogoutTokenOptions): Case[1] =>
    (claims) => {
      const { claims: changed, ...rest } = options(claims);
      return sso.provider.createLogoutToken({ claims: { ...claims, ...changed }, ...rest });
    };
  const with_ = (changed: () => JWTPayload) => signed(() => ({ claims: changed() }));
  const without = (...names: string[]) => signed(() => ({ without: names }));

  const cases: Case[] = [
    ['of another issuer', with_(() => ({ iss: 'https://evil.example' }))],
    ['without an issuer', without('iss')],
    ['for another client', with_(() => ({ aud: 'somebody-else' }))],
    ['for no client', without('aud')],
    ['without a time of issue', without('iat')],
    ['issued long ago', with_(() => ({ iat: now() - 600 }))],
    ['issued in the future', with_(() => ({ iat: now() + 600, exp: now() + 900 }))],
    ['that does not expire', without('exp')],
    ['that has expired', with_(() => ({ exp: now() - 120 }))],
    ['without an id', without('jti')],
    ['with a number for an id', with_(() => ({ jti: 17 as never }))],
    ['without events', without('events')],
    ['with another event', with_(() => ({ events: { 'https://example.com/event': {} } }))],
    ['with a list of events', with_(() => ({ events: [LOGOUT_EVENT] }))],
    ['with an event that is no object', with_(() => ({ events: { [LOGOUT_EVENT]: true } }))],
    ['with a nonce', with_(() => ({ nonce: 'n' }))],
    ['with neither a session nor a person', without('sid', 'sub')],
    ['with a number for a session', with_(() => ({ sid: 17 }))],
    ['of the type of access tokens', signed(() => ({ typ: 'at+jwt' }))],
    ['of the type of access tokens, as a media type', signed(() => ({ typ: 'application/at+jwt' }))],
    ['of the type of security events', signed(() => ({ typ: 'secevent+jwt' }))],
    ['of the type of proofs', signed(() => ({ typ: 'dpop+jwt' }))],
    ['of an empty type', signed(() => ({ typ: '' }))],
    ['of a type that is no text', signed(() => ({ typ: ['JWT'] as never }))],
    ['of a type that only begins like one', signed(() => ({ typ: 'logout+jwt;v=2' }))],
    ['without a type, and without events', signed(() => ({ typ: undefined, without: ['events'] }))],
    ['without a type, and with a nonce', signed(() => ({ typ: undefined, claims: { nonce: 'n' } }))],
    ['like Keycloak’s, but for another client', signed(() => ({ typ: 'JWT', claims: { aud: 'account' } }))],
    [
      'that is an ID token in everything, with events that a person could have put there',
      signed(() => ({
        typ: 'JWT',
        claims: { nonce: 'of the sign-in', auth_time: now(), events: { [LOGOUT_EVENT]: {} } },
      })),
    ],
    [
      'that is an access token in everything',
      signed(() => ({ typ: 'JWT', without: ['events'], claims: { scope: 'openid', client_id: 'holdfast' } })),
    ],
    ['that is the ID token', (claims) => sso.provider.idTokens.get(String(claims.sub))?.at(-1) ?? ''],
    [
      'signed with another key',
      async (claims) => {
        const { privateKey } = await generateKeyPair('RS256');
        return await sso.provider.createLogoutToken({ claims }, privateKey);
      },
    ],
    [
      'signed with the client’s secret',
      (claims) =>
        new SignJWT({ ...claims, events: { [LOGOUT_EVENT]: {} }, jti: crypto.randomUUID() })
          .setProtectedHeader({ alg: 'HS256', typ: 'logout+jwt', kid: 'test' })
          .setIssuer(sso.provider.issuer)
          .setAudience('holdfast')
          .setIssuedAt()
          .setExpirationTime('2m')
          .sign(Buffer.from(sso.clientSecret)),
    ],
    [
      'that is not signed',
      (claims) =>
        new UnsecuredJWT({ ...claims, iss: sso.provider.issuer, aud: 'holdfast', events: { [LOGOUT_EVENT]: {} } })
          .setIssuedAt()
          .setExpirationTime('2m')
          .setJti(crypto.randomUUID())
          .encode(),
    ],
    [
      'that was changed',
      async (claims) => {
        const [header, , signature] = (await sso.provider.createLogoutToken({ claims: { sub: 'x' } })).split('.');
        const [, payload] = (await sso.provider.createLogoutToken({ claims })).split('.');
        return [header, payload, signature].join('.');
      },
    ],
    ['that is none', () => 'hunter2'],
  ];

  let session: SignedIn;
  const name = person();
  beforeAll(async () => {
    session = await signIn(name);
  });

  test.each(cases)('%s', async (_, make) => {
    const token = await make({ sid: session.sid, sub: name });
    const response = await sendToken(token);
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toEqual([400, expect.objectContaining({ code: 'invalid-request' })]);
    expect(text).not.toContain(token);
    expect(await stateOf(session)).toBe('active');
    const requestId = response.headers.get('x-request-id') ?? '?';
    const line = await pollUntil('the refusal in the log', 5000, async () =>
      (await sso.readLogs()).split('\n').find((each) => each.includes(requestId) && each.includes('"audit":')),
    );
    const { reason, ...audited } = JSON.parse(line) as { reason: string };
    expect(audited).toMatchObject({ audit: 'logout-refused', ip: '127.0.0.1' });
    expect(reason).toMatch(/^This is not a logout token that holds: .+\.$/);
    expect(reason).not.toContain(session.sid);
  });

  test('while the same token as it should be is not', async () => {
    const claims = { sid: session.sid, sub: name };
    expect((await sendToken(await sso.provider.createLogoutToken({ claims }))).status).toBe(200);
    expect(await stateOf(session)).toBe('session-revoked');
  });

  test.each([
    [415, { body: '{}', headers: { 'content-type': 'application/json' } }],
    [422, { body: new URLSearchParams({ token: 'x' }) }],
    [422, { body: new URLSearchParams({ logout_token: 'x'.repeat(20_000) }) }],
    [413, { body: new URLSearchParams({ logout_token: 'x'.repeat(100_000) }) }],
  ])('%s: a request that has none', async (status, init) => {
    const response = await fetch(`${home}/auth/oidc/backchannel-logout`, { method: 'POST', ...init });
    expect([response.status, await response.json()]).toEqual([
      status,
      expect.objectContaining({ code: 'invalid-request' }),
    ]);
  });
});

describe('by the front channel', () => {
  const logOut = (query: Record<string, string>) =>
    // A frame of another site: no cookie comes with it.
    fetch(`${home}/auth/oidc/frontchannel-logout?${new URLSearchParams(query)}`, {
      headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'iframe' },
    });

  test('the provider ends what came of its session, without any cookie, and nothing else', async () => {
    const name = person();
    const [ended, other] = [await signIn(name), await signIn(name)];
    const response = await logOut({ iss: sso.provider.issuer, sid: ended.sid });
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; frame-ancestors ${sso.provider.issuer}`,
    );
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect([await stateOf(ended), await stateOf(other)]).toEqual(['session-revoked', 'active']);
    // It may be sent twice, and does not tell whether there was such a session.
    expect((await logOut({ iss: sso.provider.issuer, sid: ended.sid })).status).toBe(200);
    expect((await logOut({ iss: sso.provider.issuer, sid: 'of-nobody' })).status).toBe(200);
  });

  test('nobody shuts a person out of the next sign-in by it', async () => {
    const name = person();
    const { browser, sid } = await signIn(name);
    await logOut({ iss: sso.provider.issuer, sid });
    expect((await browser.send(await toCallback(browser, name))).status).toBe(303);
  });

  test('nothing ends where the issuer is another, or a parameter is missing', async () => {
    const session = await signIn(person());
    const { issuer } = sso.provider;
    const queries: Record<string, string>[] = [
      { iss: 'https://evil.example', sid: session.sid },
      { iss: `${issuer}/`, sid: session.sid },
      { sid: session.sid },
      { iss: issuer },
      {},
    ];
    for (const query of queries) {
      const response = await logOut(query);
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ code: 'invalid-request' }),
      ]);
    }
    expect(await stateOf(session)).toBe('active');
  });
});

test('the index of the provider’s sessions goes with the sessions: when they are ended, and at the latest when they expire', async () => {
  const admin = sso.redis.admin();
  const sizes = async () => {
    const keys = await admin.keys('hf:o:*');
    const entries = await Promise.all(keys.map(async (key) => [key, await admin.zrange(key, '0', '-1')] as const));
    return new Map(entries);
  };
  const before = await sizes();
  const session = await signIn(person());
  const [added] = [...(await sizes()).keys()].filter((key) => !before.has(key));
  expect(added).toMatch(/^hf:o:[\w-]{22}$/);
  const [id = ''] = (await sizes()).get(added ?? '') ?? [];
  const { created = 0, life = 0 } = (await readRecord(admin, id)) ?? {};
  expect(await admin.pexpiretime(added ?? '')).toBe(created + life);
  const response = await session.browser.send(`${home}/v1/session`, {
    method: 'DELETE',
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  expect(response.status).toBe(204);
  expect(await admin.exists(added ?? '')).toBe(0);
});

test('a validator’s Redis user can’t read or write the index', async () => {
  const { sid } = await signIn(person());
  expect(sid).toEqual(expect.any(String));
  const [key = ''] = await sso.redis.admin().keys('hf:o:*');
  const { host, port, users } = sso.redis;
  const { Redis } = await import('ioredis');
  const redis = new Redis({ host, port, ...users.validator });
  try {
    await expect(redis.zrange(key, '0', '-1')).rejects.toThrow('NOPERM');
    await expect(redis.fcall('holdfast_v2_revoke_linked', 1, key, 'x', '', '')).rejects.toThrow('NOPERM');
  } finally {
    redis.disconnect();
  }
});

test('a validator that hears of every key that changes learns no address, name, session id or session of the provider', async () => {
  const { redis, provider, user } = sso;
  using recorded = await recordKeyNames(redis, redis.users.validator);
  const addresses = ['203.0.113.77', '198.51.100.8', '2001:db8:77:88:99::1'];
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
    fetch(`${home}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const logIn = (address: string, password: string, username = user.username) =>
    ask('POST', '/v1/sessions', { 'x-forwarded-for': address }, { username, password, transport: 'bearer' });
  const ids: string[] = [];
  for (const address of addresses) {
    for (const name of [user.username, 'nobody@example.org'])
      expect((await logIn(address, 'wrong', name)).status).toBe(401);
    const response = await logIn(address, user.password);
    expect(response.status).toBe(201);
    const { token, session } = (await response.json()) as { token: string; session: { id: string } };
    ids.push(session.id);
    const authorization = `Bearer ${token}`;
    await ask('POST', '/v1/session/reauthenticate', { authorization }, { password: 'wrong' });
    await ask('POST', '/v1/session/rotate', { authorization });
    expect((await ask('DELETE', '/v1/session', { authorization })).status).toBe(204);
  }
  const name = person();
  const [front, back] = [await signIn(name), await signIn(name)];
  for (const { browser } of [front, back]) {
    const token = browser.cookies.get('__Host-hf') ?? '';
    ids.push(Buffer.from(token.slice(4), 'base64url').toString('base64url', 0, 16));
  }
  const jti = crypto.randomUUID();
  const token = await provider.createLogoutToken({ claims: { sid: back.sid, sub: name, jti } });
  expect((await sendToken(token)).status).toBe(200);
  const query = new URLSearchParams({ iss: provider.issuer, sid: front.sid });
  expect((await fetch(`${home}/auth/oidc/frontchannel-logout?${query}`)).status).toBe(200);
  expect([await stateOf(front), await stateOf(back)]).toEqual(['session-revoked', 'session-revoked']);

  const marker = `hf:t:${crypto.randomUUID()}`;
  await redis.admin().set(marker, 'x');
  await pollUntil('the last name', 5000, async () => recorded.names.has(marker));
  const names = [...recorded.names].filter((key) => key !== marker);
  for (const family of ['hf:s:', 'hf:t:', 'hf:o:', 'hf:rl:']) {
    expect(names.filter((key) => key.startsWith(family)).length, family).toBeGreaterThan(1);
  }
  const secret = [user.username, 'nobody@example.org', front.sid, back.sid, jti, name, ...addresses];
  const issued = [front.sid, back.sid, jti, name].map((each) => JSON.stringify([provider.issuer, each]));
  const networks = ['2001:db8:77:88', '2001:db8:77', '2001:db8:77:88::/64', '2001:db8:77::/48'];
  for (const text of [...secret, ...networks, ...ids]) {
    expect(
      names.filter((key) => key.includes(text)),
      text,
    ).toEqual([]);
  }
  // Nor a hash that anybody can work out: of each of them, and of what auth makes of them before it counts.
  for (const text of [...secret, ...networks, ...issued].flatMap((each) => [
    each,
    `account:${each}`,
    `address:${each}`,
  ])) {
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        const start = hash(algorithm, text, encoding).slice(0, 12);
        expect(
          names.filter((key) => key.includes(start)),
          `${algorithm} of ${text}`,
        ).toEqual([]);
      }
    }
  }
});
