import { expect, test } from 'vitest';
import { createErrorLog } from './create-error-log.ts';
import { createLogger } from './create-logger.ts';

function capture() {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { lines, logger: createLogger({ service: 'test', instance: 'test-1', destination }) };
}

test('secrets are redacted at the top and one level down', () => {
  const { lines, logger } = capture();
  const secrets = {
    authorization: 's3cret',
    cookie: 's3cret',
    password: 's3cret',
    token: 's3cret',
    'set-cookie': 's3cret',
  };
  logger.info(secrets, 'top');
  logger.info({ headers: secrets, body: secrets }, 'below');
  logger.child({ token: 's3cret' }).info('child');
  expect(lines).toHaveLength(3);
  expect(lines.join('')).not.toContain('s3cret');
});

test('a line is JSON with level, time and who wrote it', () => {
  const { lines, logger } = capture();
  logger.warn({ n: 1 }, 'hello');
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    service: 'test',
    instance: 'test-1',
    n: 1,
    msg: 'hello',
  });
});

test('an error is logged with stack and causes, and without what a driver hung on it', () => {
  const { lines, logger } = capture();
  const cause = Object.assign(new Error('the cause'), {
    code: 'ECONNRESET',
    command: { name: 'auth', args: ['s3cret'] },
  });
  logger.error({ err: Object.assign(new Error('outer', { cause }), { query: 's3cret' }) }, 'failed');
  const { err } = JSON.parse(lines[0] ?? '') as { err: Record<string, unknown> };
  expect(err).toEqual({
    type: 'Error',
    message: 'outer',
    stack: expect.stringContaining('create-logger.test.ts'),
    cause: { type: 'Error', message: 'the cause', code: 'ECONNRESET', stack: expect.any(String) },
  });
  logger.error({ err: 's3cret' }, 'no error');
  expect(lines.join('')).not.toContain('s3cret');
});

test('a failure that repeats is logged once in a while', () => {
  const { lines, logger } = capture();
  const log = createErrorLog(logger, 'redis', 60_000);
  for (let n = 0; n < 100; n++) log(new Error('down'));
  expect(lines).toHaveLength(1);
  log(new Error('wrapped', { cause: Object.assign(new Error('another'), { code: 'ECONNREFUSED' }) }));
  expect(lines, 'another kind is told at once').toHaveLength(2);
  const always = createErrorLog(logger, 'redis', 0);
  always(new Error('down'));
  always(new Error('down'));
  expect(lines).toHaveLength(4);
});
