import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A session's record in Redis by the names that `functions/holdfast.lua` has for its values. */
export interface StoredRecord {
  v: number;
  hash: string;
  created: number;
  idle: number;
  life: number;
  user: string;
  facts: string;
  ua: string;
  ip: string;
  next?: string;
  nfacts?: string;
  also?: string;
  since?: number;
  gen?: number;
  spent?: string;
  ofacts?: string | Record<string, string>;
  link?: string;
}

const GRACE_MS = 30_000;
const names = ['v', 'hash', 'created', 'idle', 'life', 'user', 'facts', 'ua', 'ip'] as const;
const quoted = names.map((name) => `'${name}'`).join(', ');

/** Where a session is. */
export const keysOf = (id: string) => {
  const [part, rest] = [id.slice(0, 9), id.slice(9)];
  const ended = `hf:s:${hash('sha1', id).slice(0, 22)}`;
  return { part, rest, s: `hf:s:${part}`, t: `hf:t:${part}`, old: `hf:s:${part}~`, ended };
};

/** @returns undefined where there is none */
export async function readRecord(admin: Redis, id: string): Promise<StoredRecord | undefined> {
  const { s, rest } = keysOf(id);
  const script = `
    local raw = redis.call('HGET', KEYS[1], ARGV[1])
    if not raw then return false end
    local values, record = {cmsgpack.unpack(raw)}, {}
    for place, name in ipairs({${quoted}}) do record[name] = values[place] end
    for name, value in pairs(values[${names.length + 1}] or {}) do record[name] = value end
    return cjson.encode(record)`;
  const json = (await admin.eval(script, 1, s, rest)) as string | null;
  return json === null ? undefined : (JSON.parse(json) as StoredRecord);
}

/** Writes a record as auth would. */
export async function writeRecord(admin: Redis, id: string, record: StoredRecord): Promise<void> {
  const { s, rest } = keysOf(id);
  const script = `
    local record, values = cjson.decode(ARGV[2]), {}
    for place, name in ipairs({${quoted}}) do values[place] = record[name]; record[name] = nil end
    local more = next(record) and cmsgpack.pack(record) or ''
    redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(unpack(values, 1, ${names.length})) .. more)`;
  await admin.eval(script, 1, s, rest, JSON.stringify(record));
}

export async function editRecord(
  admin: Redis,
  id: string,
  edit: (record: StoredRecord) => Partial<StoredRecord>,
): Promise<void> {
  const record = await readRecord(admin, id);
  if (!record) throw new Error(`there is no session ${id}`);
  await writeRecord(admin, id, { ...record, ...edit(record) });
}

/** Lets the session be older by so much, and its end nearer. */
export const ageSession = (admin: Redis, id: string, byMs: number) =>
  editRecord(admin, id, ({ created, since }) => ({
    created: created - byMs,
    ...(since === undefined ? {} : { since: since - byMs }),
  }));

/** Makes it have ended by its absolute timeout, that long ago. */
export const expireSession = async (admin: Redis, id: string, agoMs: number) => {
  const [seconds] = await admin.time();
  await editRecord(admin, id, ({ life }) => ({ created: Number(seconds) * 1000 - life - agoMs }));
};

/** Lets the time go by that replaced secrets have left, as auth wrote it down and as validators did. */
export async function passGrace(admin: Redis, id: string): Promise<void> {
  const { t, rest } = keysOf(id);
  const record = await readRecord(admin, id);
  if (record?.spent !== undefined) {
    await writeRecord(admin, id, { ...record, spent: record.spent.replace(/(.{22})\d{13}/g, '$10000000000000') });
  }
  const used = await admin.hget(t, `${rest}u`);
  const [, mark, usedAt] = /^(.{22})(\d{13})$/.exec(used ?? '') ?? [];
  if (mark !== undefined) await admin.hset(t, `${rest}u`, `${mark}${Number(usedAt) - GRACE_MS}`);
}

/** When a session was last seen; NaN where that is not known. */
export async function lastSeenOf(admin: Redis, id: string): Promise<number> {
  const { t, rest } = keysOf(id);
  return Number((await admin.hget(t, rest)) ?? Number.NaN);
}

/** Makes a session have been last seen so much earlier. */
export function seenEarlier(admin: Redis, id: string, byMs: number): Promise<number> {
  const { t, rest } = keysOf(id);
  return admin.hincrby(t, rest, -byMs);
}
