import { appendFile, writeFile } from 'node:fs/promises';
import type { ArmCalls, Call } from '../arm-calls.ts';
import type { ArmModule } from './arm.ts';

/** The process of one arm: `node main.ts <name>`, settings and calls by IPC from the runner. */
const { createArm } = (await import(`./${process.argv[2]}.ts`)) as ArmModule;

const starting = new Promise<Parameters<typeof createArm>[0]>((resolve) => process.once('message', resolve));
process.on('disconnect', () => process.exit(0));
process.send?.('up');
const arm = await createArm(await starting);
const port = await arm.listen();

const calls: ArmCalls = {
  port: async () => port,
  usage: async () => {
    const { user, system } = process.cpuUsage();
    return { cpuMicros: user + system, residentBytes: process.memoryUsage.rss() };
  },
  collectGarbage: async () => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage().heapUsed;
  },
  seed: async (first, count, sessionsPerUser, file) => {
    if (!arm.seed) throw new Error('this arm has no sessions');
    await writeFile(file, '');
    const chunk = 20_000;
    for (let done = 0; done < count; done += chunk) {
      const size = Math.min(chunk, count - done);
      const userIds = Array.from(
        { length: size },
        (_, index) => `user-${first + Math.floor((done + index) / sessionsPerUser)}`,
      );
      await appendFile(file, `${(await arm.seed(userIds)).join('\n')}\n`);
    }
  },
};

process.on('message', async ({ id, name, args }: Call) => {
  try {
    const result = await (calls[name] as (...args: unknown[]) => Promise<unknown>)(...args);
    process.send?.({ id, result });
  } catch (error) {
    process.send?.({ id, error: String((error as Error).stack) });
  }
});
process.send?.('ready');
