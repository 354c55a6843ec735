import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hashPassword, verifyPassword } from './password-hash.ts';
import { createUserDirectory, type UserDirectory } from './user-directory.ts';

// As it is, and counted.
vi.mock('./password-hash.ts', { spy: true });

const cheap = { memoryKiB: 64, passes: 1, parallelism: 1 };
let folder: string;
let directory: UserDirectory | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-users-'));
});
afterEach(() => {
  directory?.close();
  directory = undefined;
  rmSync(folder, { recursive: true });
});

const write = (content: unknown) => {
  const path = join(folder, 'users.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const user = async (username: string, password: string) => ({
  id: `id-${username}`,
  username,
  passwordHash: await hashPassword(password, cheap),
  roles: ['customer'],
});

describe('user directory', () => {
  test('knows a user by the right password only', async () => {
    directory = createUserDirectory(write([await user('alice', 'a'), await user('bob', 'b')]));
    expect(await directory.verify('alice', 'a')).toEqual({ id: 'id-alice', username: 'alice', roles: ['customer'] });
    expect(await directory.verify('alice', 'b')).toBeUndefined();
    expect(await directory.verify('nobody', 'a')).toBeUndefined();
    expect(await directory.verify('nobody', '')).toBeUndefined();
  });

  test('takes up a changed file, and keeps the last good one when the change can’t be used', async () => {
    const onError = vi.fn();
    const path = write([await user('alice', 'a')]);
    directory = createUserDirectory(path, onError);
    write([await user('alice', 'new')]);
    await vi.waitFor(async () => expect(await directory?.verify('alice', 'new')).toBeDefined(), { timeout: 10_000 });
    expect(await directory.verify('alice', 'a')).toBeUndefined();
    write('[{"id": "x"');
    await vi.waitFor(() => expect(onError).toHaveBeenCalled(), { timeout: 10_000 });
    expect(onError.mock.lastCall?.[0].message).toContain('not JSON');
    expect(await directory.verify('alice', 'new')).toBeDefined();
  }, 30_000);

  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /users\.json: not JSON/],
    ['no array', {}, /not an array of \{id, username, passwordHash, roles\}/],
    ['no users', [], /has no users/],
    [
      'a plain password',
      [{ id: 'a', username: 'a', passwordHash: 'hunter2' }],
      /0\.passwordHash: not an argon2id hash/,
    ],
    ['an unknown field', [{ id: 'a', username: 'a', password: 'hunter2' }], /password/],
    ['an id that could break a key', [{ id: 'a:b', username: 'a', passwordHash: '' }], /0\.id: must be 1 to 128/],
  ])('refuses a file with %s, and does not print a password', (_, content, message) => {
    expect(() => createUserDirectory(write(content))).toThrow(message);
    expect(() => createUserDirectory(write(content))).not.toThrow(/hunter2/);
  });

  test('does the same work for every name: one hash of each cost in the file, and of each spelling of the password', async () => {
    const dear = { memoryKiB: 128, passes: 2, parallelism: 1 };
    const users = [await user('alice', 'a'), await user('bob', 'b')];
    const carol = { ...(await user('carol', 'c')), passwordHash: await hashPassword('c', dear) };
    directory = createUserDirectory(write([...users, carol]));
    const workOf = async (username: string, password: string) => {
      const { mock } = vi.mocked(verifyPassword);
      const before = mock.calls.length;
      await directory?.verify(username, password);
      return mock.calls.slice(before).map(([given, hash]) => [given, hash.split('$')[3]]);
    };
    for (const password of ['wrong', 'caf\u00e9', 'cafe\u0301']) {
      const unknown = await workOf('nobody', password);
      expect(unknown).toEqual([
        [password, 'm=64,t=1,p=1'],
        [password, 'm=128,t=2,p=1'],
      ]);
      for (const known of ['alice', 'bob', 'carol', '', ' ', 'ALICE'])
        expect(await workOf(known, password)).toEqual(unknown);
    }
    expect(await directory.verify('carol', 'c')).toMatchObject({ id: 'id-carol' });
    expect(await directory.verify('carol', 'a')).toBeUndefined();
    expect(await directory.verify('carol', '')).toBeUndefined();
  });

  test('does not mind blanks around a name, in the file or as it is typed', async () => {
    directory = createUserDirectory(
      write([await user('alice', 'a'), { ...(await user('bob', 'b')), username: ' bob\t' }]),
    );
    for (const typed of ['alice', ' alice', 'alice ', '\talice\u00a0', '\u3000alice\n']) {
      expect(await directory.verify(typed, 'a')).toMatchObject({ id: 'id-alice' });
      expect(directory.findId(typed)).toBe('id-alice');
    }
    expect(await directory.verify('bob', 'b')).toMatchObject({ id: 'id-bob' });
    expect(await directory.verify('al ice', 'a')).toBeUndefined();
    expect(await directory.verify('Alice', 'a')).toBeUndefined();
  });

  test('reads a file that begins with a byte order mark', async () => {
    directory = createUserDirectory(write(`\ufeff${JSON.stringify([await user('alice', 'a')])}`));
    expect(await directory.verify('alice', 'a')).toBeDefined();
  });

  test.each([
    ['alice', 'Alice'],
    ['alice', 'ali ce'],
    ['J Doe', 'JDOE'],
    ['stra\u00dfe', 'STRASSE'],
    ['alice', '\uff41lice'],
    ['alice\u00a0b', 'alice b'],
  ])('refuses a file with both %j and %j: people mistake one for the other', async (one, other) => {
    const [first, second] = [await user(one, 'a'), await user(other, 'b')];
    const users = [
      { ...first, id: 'first' },
      { ...second, id: 'second' },
    ];
    expect(() => createUserDirectory(write(users))).toThrow(/usernames of 0 and 1 differ only by case or blanks/);
  });

  test('refuses hashes of more than four costs: each login computes one of each', async () => {
    const users = await Promise.all(
      [8, 16, 32, 64, 128].map(async (memoryKiB, index) => ({
        ...(await user(`user-${index}`, 'a')),
        passwordHash: await hashPassword('a', { memoryKiB, passes: 1, parallelism: 1 }),
      })),
    );
    expect(() => createUserDirectory(write(users))).toThrow(/hashes of 5 different costs/);
    directory = createUserDirectory(write(users.slice(1)));
    expect(await directory.verify('user-4', 'a')).toBeDefined();
  });

  test('refuses a name of blanks alone', async () => {
    const blank = await user(' ', 'a');
    expect(() => createUserDirectory(write([{ ...blank, id: 'a' }]))).toThrow(/0\.username: has nothing but blanks/);
  });

  test('refuses two users of the same name or id', async () => {
    const alice = await user('alice', 'a');
    expect(() => createUserDirectory(write([alice, { ...alice, id: 'other' }]))).toThrow(/same username/);
    expect(() => createUserDirectory(write([alice, { ...alice, username: 'other' }]))).toThrow(/same id/);
  });
});
