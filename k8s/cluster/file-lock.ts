import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isSameProcess, type ProcessIdentity, processIdentity } from './process-identity.ts';

/**
 * Holds `path` until disposed, so that two commands never work on the same thing at once. A holder that died without
 * letting go is recognised by its process being gone.
 * @throws Error after `waitMs`, naming the holder.
 */
export async function acquireFileLock(path: string, waitMs: number): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  const me = processIdentity(process.pid);
  if (me === undefined) throw new Error('cannot read /proc/self/stat: is /proc mounted?');
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      await writeFile(path, JSON.stringify(me), { flag: 'wx' });
      return { [Symbol.asyncDispose]: async () => await rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readHolder(path);
    if (holder !== undefined && !isSameProcess(holder)) await rm(path, { force: true });
    else if (Date.now() > deadline)
      throw new Error(`${path} is held by process ${holder?.pid ?? '?'}: wait for it to end, then run this again`);
    else await delay(200);
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  // Between its creation and its first byte the file is empty: that is a holder we can't name yet.
  return text === '' ? undefined : (JSON.parse(text) as ProcessIdentity);
}
