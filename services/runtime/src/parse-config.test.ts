import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wholeNumber } from '@holdfast/session';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createTemporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { ConfigError } from './config-error.ts';
import { filePath } from './environment-schemas.ts';
import { type ConfigShape, type Environment, type ParseConfigOptions, parseConfig } from './parse-config.ts';
import { serviceEnvironment, serviceEnvironmentMistakes } from './service-environment.ts';

const shape = {
  PORT: wholeNumber(0, 65_535).default(8080),
  NAME: z.string().min(2).describe('What it is called'),
  LEVEL: z.enum(['low', 'high']),
  API_KEY: z.string().regex(/^k-/, 'must begin with k-').optional(),
  LINK: z
    .string()
    .regex(/^https:/, 'must be https')
    .optional(),
  SECRET: z
    .string()
    .min(8, 'must have 8 characters')
    .optional()
    .meta({ examples: ['correct-horse'] }),
  SECRET_FILE: filePath().optional(),
};

function mistakesOf<S extends ConfigShape>(used: S, env: Environment, options?: ParseConfigOptions<S>): string {
  try {
    parseConfig(used, env, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('no mistake was found');
}

test('one mistake is one mistake: nothing is said to be missing, or to contradict another, that is wrong by itself', () => {
  const checks = [
    ({ API_KEY, LINK }: { API_KEY?: string | undefined; LINK?: string | undefined }) => [
      ...(API_KEY === undefined && LINK === undefined ? ['neither API_KEY nor LINK is set.'] : []),
      'SECRET_FILE and LINK_FILE differ.',
    ],
  ];
  const env = { NAME: 'ab', LEVEL: 'high', LINK: 'http://example' };
  const message = mistakesOf(shape, env, { checks });
  expect(message).toMatch(/^2 mistakes/);
  expect(message).toContain('LINK is wrong: must be https');
  expect(message).toContain('SECRET_FILE and LINK_FILE differ.');
  expect(mistakesOf(shape, { NAME: 'ab', LEVEL: 'high' }, { checks })).toContain('neither API_KEY nor LINK is set.');
});

test('a right environment becomes typed values; an empty variable counts as not set', () => {
  const config = parseConfig(shape, { NAME: 'ab', LEVEL: 'high', PORT: '', SECRET: 'long enough', OTHER: 'x' });
  expect(config).toEqual({ PORT: 8080, NAME: 'ab', LEVEL: 'high', SECRET: 'long enough' });
});

test('all mistakes are in one message: missing, malformed and contradictory, each with an example', () => {
  const env = { PORT: 'eighty', LEVEL: 'middle', LINK: 'http://x', SECRET: 'long enough', SECRET_FILE: '/x' };
  const checks = [
    ({ LEVEL }: { LEVEL?: string }) => (LEVEL === undefined ? ['a check sees nothing that is wrong already.'] : []),
  ];
  const message = mistakesOf(shape, env, { checks });
  expect(message).toMatch(/^6 mistakes in the configuration/);
  expect(message).toMatch(/PORT is wrong: must be a whole number from 0 to 65535\. Example: PORT=8080/);
  expect(message).toMatch(/NAME is missing\. Example: NAME=… \(What it is called\)/);
  expect(message).toMatch(/LEVEL is wrong: .*Example: LEVEL=low/);
  expect(message).toMatch(/LINK is wrong: must be https/);
  expect(message).toMatch(/SECRET and SECRET_FILE are both set/);
  expect(message).toMatch(/a check sees nothing that is wrong already/);
});

test('no value gets into the message, neither from a variable nor from a file nor from a URL', async () => {
  await using folder = await createTemporaryFolder('config');
  const path = join(folder.path, 'secret');
  await writeFile(path, 'hunter2\n');
  const env = { NAME: 'ab', LEVEL: 'low', API_KEY: 'hunter2', SECRET_FILE: path, LINK: 'http://user:hunter2@host' };
  const message = mistakesOf(shape, env);
  expect(message).toContain('API_KEY is wrong: must begin with k-');
  expect(message).toContain('SECRET_FILE names a file whose content is wrong: must have 8 characters');
  expect(message).toContain('LINK is wrong');
  expect(message).not.toContain('hunter2');
  expect(mistakesOf(shape, { ...env, LEVEL: 'lofty' })).not.toContain('lofty');
});

test('a required secret may come by value or by file, and one of them it must', async () => {
  await using folder = await createTemporaryFolder('config');
  const path = join(folder.path, 'secret');
  await writeFile(path, 'long enough\n');
  const env = { NAME: 'ab', LEVEL: 'low' };
  const requiredSecrets = ['SECRET' as const];
  expect(parseConfig(shape, { ...env, SECRET_FILE: path }, { requiredSecrets }).SECRET_FILE).toBe(path);
  expect(parseConfig(shape, { ...env, SECRET: 'long enough' }, { requiredSecrets }).SECRET).toBe('long enough');
  expect(mistakesOf(shape, env, { requiredSecrets })).toContain(
    'SECRET or SECRET_FILE is missing. Example: SECRET=correct-horse',
  );
  expect(mistakesOf(shape, { ...env, SECRET_FILE: `${path}.gone` })).toMatch(/can't be read \(ENOENT\)/);
  await writeFile(path, '\n');
  expect(mistakesOf(shape, { ...env, SECRET_FILE: path })).toMatch(/it is empty/);
});

test('a service needs no variable, and its ports must differ', () => {
  expect(parseConfig(serviceEnvironment, {})).toMatchObject({ PORT: 8080, METRICS_PORT: 9464, EXPOSE_INSTANCE: false });
  const options = { checks: [serviceEnvironmentMistakes] };
  expect(mistakesOf(serviceEnvironment, { PORT: '9464' }, options)).toContain('PORT and METRICS_PORT are both 9464');
  expect(parseConfig(serviceEnvironment, { PORT: '0', METRICS_PORT: '0' }, options).PORT).toBe(0);
});

test.each([
  ['PORT', '65536'],
  ['PORT', '80.5'],
  ['PORT', '0x50'],
  ['PORT', ' 80'],
  ['PORT', '-1'],
  ['LOG_LEVEL', 'verbose'],
  ['EXPOSE_INSTANCE', 'yes'],
  ['INSTANCE_NAME', 'a\r\nb'],
  ['TRUSTED_PROXIES', '11'],
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TRUSTED_PROXIES', '10.0.0.0/8,'],
  ['TRUSTED_PROXIES', 'everyone'],
  ['DRAIN_TIMEOUT_MS', '15s'],
])('%s=%j is refused', (name, value) => {
  expect(mistakesOf(serviceEnvironment, { [name]: value })).toContain(`${name} is wrong`);
});
