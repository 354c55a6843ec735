import { expect, test } from 'vitest';
import { createAclFile, createRedisUsers } from './redis-users.ts';

const lines = createAclFile('redis-server', createRedisUsers()).trimEnd().split('\n');

test('nobody can be default, which still may run what an append-only file replays', () => {
  // With fewer permissions Redis drops every transaction when it loads, and with them every session.
  expect(lines.filter((line) => line.startsWith('user default '))).toEqual(['user default off ~* &* +@all']);
});

test('passwords are in the file only as SHA-256, and every user is on', () => {
  const users = createRedisUsers();
  const text = createAclFile('redis-server', users);
  for (const { username, password } of Object.values(users)) {
    expect(text).toMatch(new RegExp(`^user ${username} on #[0-9a-f]{64} `, 'm'));
    expect(text).not.toContain(password);
  }
});

test('the exporter and the probe can read neither sessions nor the configuration, which holds passwords', () => {
  for (const name of ['exporter', 'probe']) {
    const line = lines.find((each) => each.startsWith(`user ${name} `)) ?? '';
    expect(line).toContain(' -@all ');
    expect(line).not.toMatch(/~|\+config|\+@|\+eval|\+fcall|allkeys/);
  }
});
