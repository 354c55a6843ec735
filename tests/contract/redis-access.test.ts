import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type SessionStore, sessionEnvironment, sessionEnvironmentMistakes, toRedisConfig } from '@holdfast/session';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { createIamPassword, presign } from '../../services/session/src/iam-password.ts';
import { createCertificate } from '../support/create-certificate.ts';
import { IamProxy } from '../support/iam-proxy.ts';
import { createSession, openStore } from '../support/open-store.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startRedisSet } from '../support/redis-sentinel.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { reservePort } from '../support/reserve-port.ts';
import { refuseIamToken, signQuery } from '../support/verify-iam-token.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.[Symbol.asyncDispose]());

/** The configuration that a service has with these variables, which must be right. */
function configOf(variables: Record<string, string>) {
  const env = z.object(sessionEnvironment).parse(variables);
  expect(sessionEnvironmentMistakes(env)).toEqual([]);
  return toRedisConfig(env);
}

/** An auth with these variables, and what it reports. */
function openAuth(variables: Record<string, string>): { auth: SessionStore; errors: Error[] } {
  const errors: Error[] = [];
  const options = { waitReplicas: 0, onError: (error: Error) => errors.push(error) };
  return { auth: openStore(configOf(variables), 'auth', options), errors };
}

const untilLoggedIn = (auth: SessionStore) =>
  pollUntil('a login', 15_000, () => createSession(auth).catch(() => undefined));

/** Validates again and again; every answer must be `active`. @returns what to call to end it and to hear of other answers */
function keepAsking(auth: SessionStore, token: Awaited<ReturnType<typeof createSession>>) {
  const others: string[] = [];
  let answers = 0;
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const outcome = await auth.validate(token).then(
        ({ outcome }) => outcome as string,
        ({ code }) => String(code),
      );
      answers += 1;
      if (outcome !== 'active') others.push(outcome);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return {
    count: () => answers,
    end: async () => {
      isOver = true;
      await asking;
      return others;
    },
  };
}

describe('a Redis that asks for a client certificate', () => {
  let port: number;
  const files: Record<string, string> = {};
  beforeAll(async () => {
    const { key, certificate } = await createCertificate('localhost');
    for (const [name, text] of Object.entries({ key, certificate })) {
      files[name] = join(redis.folder, `${name}.pem`);
      await writeFile(files[name], text, { mode: 0o600 });
    }
    port = await reservePort();
    const { key: keyFile = '', certificate: certificateFile = '' } = files;
    const settings = ['tls-cert-file', certificateFile, 'tls-key-file', keyFile, 'tls-ca-cert-file', certificateFile];
    await redis.admin().call('CONFIG', 'SET', ...settings, 'tls-auth-clients', 'yes', 'tls-port', String(port));
  });
  const variables = (scheme = 'rediss') => ({
    ...redis.environmentFor('auth'),
    REDIS_URL: `${scheme}://localhost:${port}`,
    REDIS_CA_FILE: files['certificate'] ?? '',
  });
  const own = () => ({ REDIS_CERT_FILE: files['certificate'] ?? '', REDIS_KEY_FILE: files['key'] ?? '' });

  test.each(['rediss', 'valkeys'])('takes a service that has one, by %s://', async (scheme) => {
    const { auth } = openAuth({ ...variables(scheme), ...own() });
    expect((await auth.validate(await untilLoggedIn(auth))).outcome).toBe('active');
  });

  test('is reached with the last pair that fits while one of its files is replaced', async () => {
    const other = await createCertificate('localhost');
    const own = { REDIS_CERT_FILE: join(redis.folder, 'own.pem'), REDIS_KEY_FILE: join(redis.folder, 'own-key.pem') };
    await copyFile(files['certificate'] ?? '', own.REDIS_CERT_FILE);
    await copyFile(files['key'] ?? '', own.REDIS_KEY_FILE);
    const { auth, errors } = openAuth({ ...variables(), ...own });
    const token = await untilLoggedIn(auth);
    await writeFile(own.REDIS_KEY_FILE, other.key);
    await redis.admin().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await pollUntil('the reason', 10_000, () => errors.some(({ message }) => /key values mismatch/.test(message)));
    await pollUntil(
      'an answer',
      10_000,
      async () => (await auth.validate(token).catch(() => undefined))?.outcome === 'active',
    );
  });

  test('is not reached without it', async () => {
    const { auth, errors } = openAuth(variables());
    await pollUntil('a refusal', 10_000, () => errors.some(({ message }) => /certificate required/.test(message)));
    await expect(createSession(auth)).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  test('where one side speaks TLS and the other does not, the error says what to set', async () => {
    const plain = openAuth({ ...redis.environmentFor('auth'), REDIS_URL: `redis://127.0.0.1:${port}` });
    await pollUntil('the hint', 10_000, () => plain.errors.some(({ message }) => message.includes('use rediss://')));
    const tls = openAuth({ ...redis.environmentFor('auth'), REDIS_URL: `rediss://127.0.0.1:${redis.port}` });
    await pollUntil('the hint', 10_000, () => tls.errors.some(({ message }) => message.includes('use redis://')));
  });
});

test('a URL of Valkey means the same as one of Redis', async () => {
  const { auth } = openAuth({ ...redis.environmentFor('auth'), REDIS_URL: `valkey://127.0.0.1:${redis.port}` });
  expect((await auth.validate(await untilLoggedIn(auth))).outcome).toBe('active');
});

test('Sentinels that ask for a user and a password are asked with them, through a failover', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const passwordFile = join(set.folder, 'finder');
  await writeFile(passwordFile, 'the password of Sentinels\n');
  const rules = 'resetkeys &* -@all +ping +info +role +subscribe +psubscribe +client|setname +hello +auth +sentinel';
  const closeToStrangers = async () => {
    for (const { endpoint } of set.sentinels) {
      await set.askSentinel(
        endpoint,
        'ACL',
        'SETUSER',
        'finder',
        'on',
        '>the password of Sentinels',
        ...rules.split(' '),
      );
      await set.askSentinel(endpoint, 'ACL', 'SETUSER', 'default', 'off');
    }
  };
  await closeToStrangers();
  const variables = set.environmentFor('auth');
  const open = (more: Record<string, string>) =>
    openStore(configOf({ ...variables, ...more }), 'auth', { waitReplicas: 1 });
  const auth = open({ REDIS_SENTINEL_USERNAME: 'finder', REDIS_SENTINEL_PASSWORD_FILE: passwordFile });
  const token = await untilLoggedIn(auth);
  const primary = await set.primary();
  await primary.killed();
  await set.untilFailedOver(primary);
  await untilLoggedIn(auth);
  expect((await auth.validate(token)).outcome).toBe('active');
  const stranger = open({});
  await expect(createSession(stranger)).rejects.toMatchObject({ code: 'store-unavailable' });
}, 90_000);

test('a password that changes again and again, with every connection cut once, costs no request', async () => {
  const own = await startRedis();
  onTestFinished(() => own[Symbol.asyncDispose]());
  const passwordFile = own.passwordFile('auth');
  const { auth } = openAuth(own.environmentFor('auth'));
  const token = await untilLoggedIn(auth);
  const admin = own.admin();
  const readAuths = async () => {
    const stats = await admin.info('commandstats');
    const [, calls = 0, failed = 0] = /^cmdstat_auth:calls=(\d+).*failed_calls=(\d+)/m.exec(stats) ?? [];
    return { proofs: Number(calls) - Number(failed), failed: Number(failed) };
  };
  const asked = keepAsking(auth, token);
  let password = '';
  for (let change = 1; change <= 3; change += 1) {
    const next = `password number ${change}`;
    const allow = () => admin.call('ACL', 'SETUSER', 'auth', `>${next}`);
    const before = await readAuths();
    // As a sidecar does it: the server knows the new one, then the file has it, then the old one is gone. Once it is late.
    if (change < 3) await allow();
    await writeFile(passwordFile, next);
    if (change === 3) {
      await pollUntil(
        'a new password that is not known yet',
        30_000,
        async () => (await readAuths()).failed > before.failed,
      );
      await allow();
    }
    if (change === 2) await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    else {
      await pollUntil(
        'connections that prove themselves again',
        30_000,
        async () => (await readAuths()).proofs >= before.proofs + 2,
      );
    }
    await admin.call('ACL', 'SETUSER', 'auth', 'resetpass', `>${next}`);
    password = next;
    const seen = asked.count();
    await pollUntil('more answers', 10_000, () => asked.count() > seen + 50);
  }
  expect(await asked.end()).toEqual([]);
  expect(password).toBe('password number 3');
}, 120_000);

test('a service whose password is not there yet waits for it', async () => {
  const own = await startRedis();
  onTestFinished(() => own[Symbol.asyncDispose]());
  let isThere = false;
  const config = {
    ...own.configFor('auth'),
    password: () => {
      if (!isThere) throw new Error('the sidecar has not written it');
      return own.users.auth.password;
    },
  };
  const errors: Error[] = [];
  const auth = openStore(config, 'auth', { waitReplicas: 0, onError: (error) => errors.push(error) });
  await pollUntil('the reason', 5000, () => errors.some(({ message }) => message.includes('sidecar')));
  await expect(createSession(auth)).rejects.toMatchObject({ code: 'store-unavailable' });
  isThere = true;
  await untilLoggedIn(auth);
});

describe('IAM', () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const user = { ...credentials, username: 'auth', cache: 'sessions', region: 'eu-central-1', service: 'elasticache' };

  test('the test’s own signature is that of AWS’ published example', () => {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    const query = new URLSearchParams({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request',
      'X-Amz-Date': '20130524T000000Z',
      'X-Amz-Expires': '86400',
      'X-Amz-SignedHeaders': 'host',
    });
    const request = {
      host: 'examplebucket.s3.amazonaws.com',
      path: '/test.txt',
      query,
      payloadHash: 'UNSIGNED-PAYLOAD',
    };
    expect(signQuery(request, 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });

  test.each([
    ['elasticache', false, 'user.name-1'],
    ['elasticache', true, 'auth'],
    ['memorydb', false, 'auth'],
  ])('a token for %s (serverless: %s) is signed as AWS describes it', async (service, isServerless, username) => {
    const nowMs = Date.UTC(2026, 10, 29, 6, 0, 0);
    for (const more of [{}, { sessionToken: 'a+session/token==' }]) {
      const options = { service, isServerless, username, cache: 'Sessions', region: 'eu-central-1' };
      const token = await presign(options, { ...credentials, ...more }, new Date(nowMs));
      expect(refuseIamToken(token, { ...user, service, username }, nowMs + 1000)).toBeUndefined();
      const query = new URL(`http://${token}`).searchParams;
      expect(query.get('ResourceType')).toBe(isServerless ? 'ServerlessCache' : null);
      expect(query.get('X-Amz-Security-Token')).toBe('sessionToken' in more ? more.sessionToken : null);
      expect(refuseIamToken(token.replace('connect', 'connecT'), { ...user, service, username }, nowMs)).toBeDefined();
      expect(refuseIamToken(token, { ...user, service, username }, nowMs + 900_000)).toMatch(/age/);
    }
  });

  test('a service signs in with tokens, proves itself again while connected, and loses no request when all connections are cut', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
    onTestFinished(() => void vi.unstubAllEnvs());
    await using proxy = await IamProxy.start(redis, user, redis.users.auth.password);
    const caFile = join(redis.folder, 'iam-ca.pem');
    await writeFile(caFile, proxy.certificate);
    const config = configOf({
      REDIS_URL: `rediss://localhost:${proxy.port}`,
      REDIS_CA_FILE: caFile,
      REDIS_USERNAME: 'auth',
      REDIS_AUTH: 'aws-iam',
      REDIS_AWS_CACHE: 'sessions',
      AWS_REGION: 'eu-central-1',
    });
    // Five minutes in a moment: a new token is signed, and every connection gives it.
    let aheadMs = 0;
    const auth = openStore(config, 'auth', { waitReplicas: 0 });
    const token = await untilLoggedIn(auth);
    const asked = keepAsking(auth, token);
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
    onTestFinished(() => void vi.restoreAllMocks());
    aheadMs = 300_001;
    await pollUntil('a new token on connections that are up', 40_000, () => proxy.renewed >= 2);
    proxy.cut();
    const seen = proxy.accepted;
    await pollUntil('new connections', 10_000, () => proxy.accepted >= seen + 2);
    const answers = asked.count();
    await pollUntil('more answers', 10_000, () => asked.count() > answers + 50);
    expect(await asked.end()).toEqual([]);
    expect(proxy.refused).toEqual([]);
  }, 90_000);

  test('without credentials of AWS the reason is reported, and no request hangs', async () => {
    const closed = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(closed, 'listening');
    onTestFinished(() => void closed.close());
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
    onTestFinished(() => void vi.unstubAllEnvs());
    const password = createIamPassword({ ...user, isServerless: false });
    const message = await pollUntil('the reason', 20_000, () => {
      try {
        return password();
      } catch (error) {
        return /credentials/i.test(String(error)) && String(error);
      }
    });
    expect(message).toMatch(/no IAM token for Redis: Could not load credentials/);
  }, 30_000);
});
