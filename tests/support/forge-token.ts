import { crc32 } from 'node:zlib';
import { createSessionToken } from '@holdfast/session';

/** A well-formed token with that id and a secret of its own. */
export function forgeToken(id: string): string {
  const bytes = Buffer.from(createSessionToken('nobody').token.slice(4), 'base64url');
  Buffer.from(id, 'base64url').copy(bytes);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 48)), 48);
  return `hf1_${bytes.toString('base64url')}`;
}
