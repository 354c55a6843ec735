import { expect, test } from 'vitest';
import { z } from 'zod';
import { sessionEnvironment, sessionEnvironmentMistakes } from './session-config.ts';

const file = import.meta.filename;
const single = { REDIS_URL: 'redis://127.0.0.1:6379' };
const encrypted = { REDIS_URL: 'rediss://127.0.0.1:6379' };
const sentinels = { REDIS_SENTINELS: 'a:26379,[2001:db8::1]:26379', REDIS_MASTER_NAME: 'main' };
const iam = {
  ...encrypted,
  REDIS_USERNAME: 'auth',
  REDIS_AUTH: 'aws-iam',
  REDIS_AWS_CACHE: 'sessions',
  AWS_REGION: 'eu-central-1',
};

/** Everything that is said about these variables: by their own form, or else by how they go together. */
function mistakesOf(variables: Record<string, string>): string[] {
  const parsed = z.object(sessionEnvironment).safeParse(variables);
  if (parsed.success) return sessionEnvironmentMistakes(parsed.data);
  return parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`);
}

test.each([
  ['one endpoint', single],
  ['one endpoint with TLS', encrypted],
  ['one of Valkey', { REDIS_URL: 'valkey://[::1]' }],
  ['one of Valkey with TLS', { REDIS_URL: 'valkeys://cache.example:6380', REDIS_CA_FILE: file }],
  ['a client certificate', { ...encrypted, REDIS_CERT_FILE: file, REDIS_KEY_FILE: file }],
  ['Sentinels', sentinels],
  ['Sentinels with a password', { ...sentinels, REDIS_SENTINEL_PASSWORD_FILE: file }],
  ['Sentinels with TLS', { ...sentinels, REDIS_TLS: 'true', REDIS_TLS_SERVER_NAME: 'redis.example' }],
  ['IAM', iam],
])('%s is a configuration that can work', (_, variables) => {
  expect(mistakesOf(variables)).toEqual([]);
});

test.each<[string, Record<string, string>, RegExp]>([
  ['no Redis', {}, /neither REDIS_SENTINELS nor REDIS_URL is set/],
  ['a URL that is none', { REDIS_URL: 'https://a:1' }, /^REDIS_URL: must be redis:\/\/host:port/],
  ['a certificate without its key', { ...encrypted, REDIS_CERT_FILE: file }, /^REDIS_KEY_FILE is missing/],
  ['a key without its certificate', { ...encrypted, REDIS_KEY_FILE: file }, /^REDIS_CERT_FILE is missing/],
  [
    'a key that is not there',
    { ...encrypted, REDIS_CERT_FILE: file, REDIS_KEY_FILE: '/nowhere' },
    /^REDIS_KEY_FILE names/,
  ],
  [
    'an authority without TLS',
    { ...single, REDIS_CA_FILE: file },
    /^REDIS_CA_FILE has no effect without TLS: set REDIS_TLS/,
  ],
  [
    'a name in certificates without TLS',
    { ...sentinels, REDIS_TLS_SERVER_NAME: 'a' },
    /^REDIS_TLS_SERVER_NAME has no effect/,
  ],
  [
    'a user of Sentinels without a password',
    { ...sentinels, REDIS_SENTINEL_USERNAME: 'a' },
    /^REDIS_SENTINEL_PASSWORD_FILE is missing/,
  ],
  [
    'a password of Sentinels where there are none',
    { ...single, REDIS_SENTINEL_PASSWORD_FILE: file },
    /there are no Sentinels/,
  ],
  [
    'IAM with Sentinels',
    { ...iam, REDIS_URL: undefined as never, ...sentinels },
    /^REDIS_AUTH=aws-iam also needs REDIS_URL/,
  ],
  ['IAM for nobody', { ...iam, REDIS_USERNAME: undefined as never }, /also needs REDIS_USERNAME\.$/],
  [
    'IAM for no cache',
    { ...iam, REDIS_AWS_CACHE: undefined as never, AWS_REGION: undefined as never },
    /needs REDIS_AWS_CACHE, AWS_REGION\.$/,
  ],
  ['IAM for a host', { ...iam, REDIS_AWS_CACHE: 'a.cache.example' }, /^REDIS_AWS_CACHE: must be the name of the cache/],
  ['IAM without TLS', { ...iam, ...single }, /aws-iam needs TLS/],
  ['IAM and a password', { ...iam, REDIS_PASSWORD_FILE: file }, /leave out the file/],
  ['another kind of proof', { ...single, REDIS_AUTH: 'kerberos' }, /^REDIS_AUTH: must be password or aws-iam/],
])('%s is said in one message, with what to do', (_, variables, message) => {
  expect(mistakesOf(variables)).toEqual([expect.stringMatching(message)]);
});
