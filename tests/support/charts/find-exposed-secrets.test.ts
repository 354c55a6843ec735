import { expect, test } from 'vitest';
import { findExposedSecrets } from './find-exposed-secrets.ts';

const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'try' },
  stringData: { username: 'auth', url: 'postgres://app:s3cr3ts3cr3t@db/app' },
  data: { key: btoa('0123456789abcdef') },
};
const configMap = (text: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'open' },
  data: { text },
});
const pod = (container: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'open' },
  spec: { containers: [{ name: 'main', image: 'x', ...container }] },
});

test('a name in the open is none', () =>
  expect(findExposedSecrets([secret, configMap('auth postgres db app')])).toEqual([]));

test.for([
  ['a ConfigMap', configMap('password = s3cr3ts3cr3t')],
  ['a ConfigMap, of a value that was encoded', configMap('0123456789abcdef')],
  ['an argument', pod({ args: ['--password=s3cr3ts3cr3t'] })],
  ['an environment variable', pod({ env: [{ name: 'PASSWORD', value: 's3cr3ts3cr3t' }] })],
] as const)('it notices one in %s', ([, manifest]) => {
  expect(findExposedSecrets([secret, manifest]).length).toBeGreaterThan(0);
});
