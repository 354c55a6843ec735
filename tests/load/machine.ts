import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';

export function describeMachine(): string {
  const cores = cpus();
  return `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`;
}

const libraries = [
  'hono',
  'ioredis',
  'jose',
  'express',
  'express-session',
  'connect-redis',
  'redis',
  'fastify',
  '@fastify/session',
  'better-auth',
];

/** Of everything that is compared. */
export async function describeVersions(redis: Redis): Promise<Record<string, string>> {
  const server = /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1] ?? 'unknown';
  const modules = join(import.meta.dirname, '..', '..', 'node_modules');
  const versionOf = (name: string) => JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;
  return {
    Node: process.version.slice(1),
    Redis: server,
    ...Object.fromEntries(libraries.map((name) => [name, versionOf(name)])),
  };
}
