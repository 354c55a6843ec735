import { expect, test } from 'vitest';
import { hasTakenMoreThan, isFollowed, parseReplicationInfo, writtenOffsetOf } from './replication-info.ts';

const infoOf = (...lines: string[]) => parseReplicationInfo(`# Replication\r\n${lines.join('\r\n')}\r\n`);
const replica = (index: number, state: string, offset: number, lag: number) =>
  `slave${index}:ip=192.0.2.1,port=6379,state=${state},offset=${offset},lag=${lag}`;

test('a primary is followed as Redis counts it', () => {
  expect(isFollowed(infoOf('role:master', 'min_slaves_good_slaves:0', replica(0, 'online', 10, 1)))).toBe(false);
  expect(isFollowed(infoOf('role:master', 'min_slaves_good_slaves:1'))).toBe(true);
});

test('where Redis does not count its replicas those that were heard of lately are counted', () => {
  expect(isFollowed(infoOf('role:master', replica(0, 'online', 10, 9), replica(1, 'online', 10, 1)))).toBe(true);
  expect(isFollowed(infoOf('role:master', replica(0, 'online', 10, 9)))).toBe(false);
  expect(isFollowed(infoOf('role:master', replica(0, 'wait_bgsave', 0, 0)))).toBe(false);
  expect(isFollowed(infoOf('role:master', 'connected_slaves:0'))).toBe(false);
});

test('nothing that a user may read is no proof', () => {
  expect(isFollowed(parseReplicationInfo(''))).toBe(false);
  expect(hasTakenMoreThan(0, {})).toBe(false);
  expect(hasTakenMoreThan(writtenOffsetOf({}), infoOf(replica(0, 'online', 10, 0)))).toBe(false);
});

test('a replica that confirms what was written before proves nothing, and one that confirms more does', () => {
  const offset = writtenOffsetOf(infoOf('master_repl_offset:100'));
  expect(hasTakenMoreThan(offset, infoOf(replica(0, 'online', 90, 0), replica(1, 'online', 100, 0)))).toBe(false);
  expect(hasTakenMoreThan(offset, infoOf(replica(0, 'online', 90, 0), replica(10, 'online', 101, 0)))).toBe(true);
});
