import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sentinelEvents } from './watch-release.ts';

// A name that Sentinel does not write would never be seen, and a report would keep silent about it.
test('every event a drill waits for in Sentinel’s log is one that Redis knows', () => {
  const redis = execFileSync('sh', ['-c', 'command -v redis-server'], { encoding: 'utf8' }).trim();
  const program = readFileSync(realpathSync(redis), 'latin1');
  const unknown = Object.keys(sentinelEvents).filter((event) => !program.includes(`\0${event.split(' ')[0]}\0`));
  expect(unknown).toEqual([]);
});
