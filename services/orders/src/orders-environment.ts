import { filePath, httpUrl, listOf, origin, serviceEnvironment } from '@holdfast/runtime';
import { sessionEnvironment, wholeNumber } from '@holdfast/session';
import { z } from 'zod';
import { parseDatabaseUrl } from './parse-database-url.ts';

/** A PostgreSQL URL that is understood as its writer meant it. */
const databaseUrl = z.string().transform((text, context) => {
  try {
    parseDatabaseUrl(text);
    return text;
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

/** The environment variables of the orders service. */
export const ordersEnvironment = {
  ...serviceEnvironment,
  ...sessionEnvironment,
  DATABASE_URL: databaseUrl
    .optional()
    .describe(
      'PostgreSQL, as libpq reads it: several hosts, user and password percent-encoded, TLS by sslmode and sslrootcert',
    )
    .meta({ examples: ['postgres://orders:password@postgres:5432/orders?sslmode=verify-full'] }),
  DATABASE_URL_FILE: filePath().optional().describe('File with the same, read again when it changes'),
  DATABASE_POOL_SIZE: wholeNumber(1, 200).default(10).describe('Connections to PostgreSQL'),
  DATABASE_TIMEOUT_MS: wholeNumber(100, 30_000)
    .default(800)
    .describe('How long a request waits for PostgreSQL before it is answered 503'),
  AUTH_JWKS_URL: httpUrl()
    .optional()
    .describe('Where the keys of JWTs are; without it no JWT is accepted')
    .meta({ examples: ['http://auth/.well-known/jwks.json'] }),
  AUTH_ISSUER: z.string().min(1).default('https://auth.holdfast.local').describe('The `iss` a JWT must have'),
  TRUSTED_ORIGINS: listOf(origin()).default([]).describe('Origins that requests with a cookie may come from'),
};
