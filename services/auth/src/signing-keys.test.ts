import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';

let folder: string;
let keys: SigningKeys | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-keys-'));
});
afterEach(() => {
  keys?.close();
  keys = undefined;
  rmSync(folder, { recursive: true });
});

const newKey = async (kid?: string) => {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  return { ...(await exportJWK(privateKey)), ...(kid ? { kid } : {}) };
};
const write = (content: unknown) => {
  const path = join(folder, 'keys.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

describe('signing keys', () => {
  test('a rotation breaks no token: the next key is published before it signs, the old one verifies after', async () => {
    const [one, two] = [await newKey('one'), await newKey('two')];
    keys = createSigningKeys(write({ keys: [one, two] }));
    const published = { keys: await keys.publicKeys() };
    expect(published.keys.map(({ kid }) => kid)).toEqual(['one', 'two']);
    const before = await keys.sign({ sub: 'a' }, 60);
    expect(decodeProtectedHeader(before).kid).toBe('one');

    write({ keys: [two, one] });
    await vi.waitFor(async () => expect(decodeProtectedHeader((await keys?.sign({}, 60)) ?? '').kid).toBe('two'), {
      timeout: 10_000,
    });
    const after = await keys.sign({ sub: 'a' }, 60);
    // A verifier that has not fetched the keys again since knows both.
    for (const token of [before, after]) await jwtVerify(token, createLocalJWKSet(published));
    expect((await keys.publicKeys()).map(({ kid }) => kid)).toEqual(['two', 'one']);
  }, 30_000);

  test('publishes no private half, and names keys by their thumbprint where the file does not', async () => {
    keys = createSigningKeys(write({ keys: [await newKey()] }));
    const [key] = await keys.publicKeys();
    expect(key).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' });
    expect(key).not.toHaveProperty('d');
    expect(key?.kid).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('reads PEM as cert-manager and openssl write it, one key after the other', async () => {
    const pem = () => generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
    keys = createSigningKeys(write(`${pem()}${pem()}`));
    const published = await keys.publicKeys();
    expect(published).toHaveLength(2);
    expect(decodeProtectedHeader(await keys.sign({}, 60)).kid).toBe(published[0]?.kid);
    await jwtVerify(await keys.sign({}, 60), createLocalJWKSet({ keys: published }));
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const path = write(rsa.export({ format: 'pem', type: 'pkcs8' }));
    expect(() => createSigningKeys(path)).toThrow(/keys\.0\.kty: must be an Ed25519 key/);
  });

  test.each<[string, unknown, RegExp]>([
    ['no JSON', 'x', /keys\.json: neither PEM nor JSON/],
    ['no keys', { keys: [] }, /must have at least one key/],
    [
      'a public key',
      { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }] },
      /keys\.0\.d: must be the private key/,
    ],
    ['another kind of key', { keys: [{ kty: 'oct', k: 'secret' }] }, /must be an Ed25519 key/],
  ])('refuses a file with %s', (_, content, message) => {
    expect(() => createSigningKeys(write(content))).toThrow(message);
  });
});
