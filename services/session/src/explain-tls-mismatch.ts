import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Redis } from 'ioredis';
import type { RedisConfig } from './redis-config.ts';

/** The first byte of what a server that expects TLS may say to anybody else: an alert (RFC 8446, section 5.1). */
const TLS_ALERT = '\x15';
const noTls = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/**
 * Adds to the errors of a connection what to set, where it looks as if one side speaks TLS and the other does not. Redis tells
 * nobody: with TLS it resets a connection without, and without TLS it waits for the end of a line.
 */
export function explainTlsMismatch(redis: Redis, { tls }: Pick<RedisConfig, 'tls'>): void {
  redis.prependListener('error', (error: NodeJS.ErrnoException) => {
    const stream = (redis as unknown as { stream?: Socket | TLSSocket }).stream;
    const heardNothing = stream?.bytesRead === 0;
    if (tls) {
      const waited = error.code === 'ETIMEDOUT' && heardNothing && !stream.connecting;
      if (waited || noTls.has(error.code ?? '')) {
        error.message += '. Nothing came back by TLS: if Redis speaks none here, use redis://, or leave out REDIS_TLS';
      }
    } else if ((error.code === 'ECONNRESET' && heardNothing) || error.message.includes(TLS_ALERT)) {
      error.message +=
        '. Redis closed the connection before it had said anything: if it speaks TLS here, use rediss://, or set REDIS_TLS=true';
    }
  });
}
