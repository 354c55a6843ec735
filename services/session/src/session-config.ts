import { accessSync, constants } from 'node:fs';
import { z } from 'zod';
import { sessionTimeoutMistakes } from './session-timeouts.ts';

/** A whole number in decimal digits. zod's own coercion would take `0x10`, `1e3` and blanks as well. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

const durationMs = (fallback: number, min: number, max: number) => wholeNumber(min, max).default(fallback);

const credentialsElsewhere = 'the user belongs in REDIS_USERNAME, the password in the file of REDIS_PASSWORD_FILE';

/** `host:port,host:port`, IPv6 hosts in brackets. A message names the item by its number: what is in it may be a password. */
const endpoints = z.string().transform((text, context) =>
  text.split(',').map((part, index) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/@]+)):(\d{1,5})$/.exec(part.trim());
    const port = Number(match?.[3]);
    if (!match || port < 1 || port > 65_535) {
      const message = part.includes('@') ? `has credentials: ${credentialsElsewhere}` : 'must be host:port';
      context.addIssue({ code: 'custom', path: [index], message });
      return z.NEVER;
    }
    return { host: (match[1] ?? match[2]) as string, port };
  }),
);

/** `redis://host:port`, or one of its other names, and nothing beside that. */
const redisUrl = z.string().transform((text, context) => {
  const match = /^(?:redis|valkey)s?:\/\/(?:\[[0-9a-fA-F:.]+\]|[^:/@\s?#]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const port = Number(match?.[1] ?? 6379);
  if (match && port >= 1 && port <= 65_535) return text;
  const shape = match
    ? 'has a port that is none, of 1 to 65535'
    : 'must be redis://host:port, or rediss://host:port for TLS; valkey:// and valkeys:// are the same';
  const message = text.includes('@') ? `has credentials: ${credentialsElsewhere}` : shape;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** The environment variables of the session library: a zod shape to put among a service's own. */
export const sessionEnvironment = {
  REDIS_SENTINELS: endpoints.optional().describe('Addresses of the Sentinels, host:port, separated by commas'),
  REDIS_MASTER_NAME: z.string().min(1).optional().describe('The name Sentinel knows the primary by'),
  REDIS_URL: redisUrl
    .optional()
    .describe('A single endpoint in place of Sentinels; credentials have variables of their own'),
  REDIS_USERNAME: z.string().min(1).optional().describe('The ACL user'),
  REDIS_PASSWORD_FILE: z.string().min(1).optional().describe('File with its password, read at every connection'),
  REDIS_AUTH: z
    .enum(['password', 'aws-iam'], 'must be password or aws-iam')
    .default('password')
    .describe(
      'How to prove who one is: the password of that file, or a token of AWS IAM that is signed for each connection',
    ),
  REDIS_AWS_CACHE: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,62}$/, 'must be the name of the cache, not its host')
    .optional()
    .describe('For aws-iam: the name of the replication group, serverless cache or MemoryDB cluster'),
  REDIS_AWS_SERVICE: z
    .enum(
      ['elasticache', 'elasticache-serverless', 'memorydb'],
      'must be elasticache, elasticache-serverless or memorydb',
    )
    .default('elasticache')
    .describe('For aws-iam: what kind of cache that is'),
  AWS_REGION: z.string().min(1).optional().describe('For aws-iam: the region of the cache'),
  REDIS_SENTINEL_USERNAME: z
    .string()
    .min(1)
    .optional()
    .describe('The ACL user of the Sentinels, where they have one of their own'),
  REDIS_SENTINEL_PASSWORD_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('File with the password of the Sentinels, read at every connection'),
  REDIS_TLS: z.enum(['true', 'false']).default('false').describe('TLS to Redis and to the Sentinels'),
  REDIS_CA_FILE: z.string().min(1).optional().describe('File with the certificate authority to trust'),
  REDIS_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('File with the client’s certificate, where Redis asks for one; read at every connection'),
  REDIS_KEY_FILE: z.string().min(1).optional().describe('File with its private key'),
  REDIS_TLS_SERVER_NAME: z
    .string()
    .min(1)
    .optional()
    .describe('The name in the certificates, where Redis is reached by address'),
  REDIS_COMMAND_TIMEOUT_MS: durationMs(250, 10, 10_000).describe('How long one command may take'),
  STORE_RETRY_BUDGET_MS: durationMs(500, 0, 60_000).describe(
    'How long a request tries before it answers 503; a login or logout up to 3 s while Redis hands over',
  ),
  SESSION_PROFILE: z
    .enum(['aal1', 'aal2', 'aal3'], 'must be aal1, aal2 or aal3')
    .optional()
    .describe('The timeouts of NIST SP 800-63B-4 for that assurance level; those below may only be shorter'),
  SESSION_IDLE_TIMEOUT_MS: wholeNumber(1000, 30 * 86_400_000)
    .optional()
    .describe('Ends a session that is not used; without it the profile’s, or 30 minutes'),
  SESSION_ABSOLUTE_TIMEOUT_MS: wholeNumber(1000, 365 * 86_400_000)
    .optional()
    .describe('Ends every session; without it the profile’s, or 12 hours'),
  SESSION_WAIT_REPLICAS: wholeNumber(0, 10)
    .optional()
    .describe('Replicas that confirm a login or logout before it is answered; 0 for a single Redis'),
  DEGRADED_READ_SECONDS: wholeNumber(0, 3600)
    .default(30)
    .describe('How long into an outage of the primary the replicas answer safe methods; 0 is never'),
  SESSION_LOCAL_CACHE_MS: durationMs(0, 0, 60_000).describe(
    'How long a validator may answer a live session from its memory; Redis tells it of changes. 0 always asks, as auth does',
  ),
  SESSION_WAIT_TIMEOUT_MS: durationMs(500, 10, 10_000).describe('How long to wait for them'),
};

export type SessionEnvironment = z.output<z.ZodObject<typeof sessionEnvironment>>;

/** Whether connections to Redis are encrypted. */
export const usesTls = ({ REDIS_TLS, REDIS_URL }: Partial<SessionEnvironment>) =>
  REDIS_TLS === 'true' || /^(?:rediss|valkeys):/.test(REDIS_URL ?? '');

const fileNames = [
  'REDIS_PASSWORD_FILE',
  'REDIS_SENTINEL_PASSWORD_FILE',
  'REDIS_CA_FILE',
  'REDIS_CERT_FILE',
  'REDIS_KEY_FILE',
] as const;

function iamMistakes(env: Partial<SessionEnvironment>): string[] {
  const missing = (['REDIS_URL', 'REDIS_USERNAME', 'REDIS_AWS_CACHE', 'AWS_REGION'] as const).filter(
    (name) => !env[name],
  );
  const mistakes = missing.length > 0 ? [`REDIS_AUTH=aws-iam also needs ${missing.join(', ')}.`] : [];
  if (env.REDIS_URL && !usesTls(env)) {
    mistakes.push(
      'REDIS_AUTH=aws-iam needs TLS: AWS takes tokens on encrypted connections only. Use rediss:// in REDIS_URL.',
    );
  }
  if (env.REDIS_PASSWORD_FILE) {
    mistakes.push(
      'REDIS_PASSWORD_FILE and REDIS_AUTH=aws-iam are both set: leave out the file, the token is the password.',
    );
  }
  return mistakes;
}

/** What contradicts itself in the variables of {@link sessionEnvironment}: one text for each mistake. */
export function sessionEnvironmentMistakes(env: Partial<SessionEnvironment>): string[] {
  const mistakes: string[] = [];
  if (env.REDIS_SENTINELS && env.REDIS_URL) {
    mistakes.push(
      'REDIS_SENTINELS and REDIS_URL are both set: set REDIS_SENTINELS for Sentinel, REDIS_URL for a single Redis.',
    );
  }
  if (!env.REDIS_SENTINELS && !env.REDIS_URL) {
    mistakes.push(
      'neither REDIS_SENTINELS nor REDIS_URL is set: set REDIS_SENTINELS=host:26379,… and REDIS_MASTER_NAME, or REDIS_URL=redis://host:6379.',
    );
  }
  if (env.REDIS_SENTINELS && !env.REDIS_MASTER_NAME) {
    mistakes.push(
      'REDIS_MASTER_NAME is missing: Sentinel needs the name of the primary, as in its `sentinel monitor` line.',
    );
  }
  const usesIam = env.REDIS_AUTH === 'aws-iam';
  if (usesIam) mistakes.push(...iamMistakes(env));
  if (env.REDIS_USERNAME && !env.REDIS_PASSWORD_FILE && !usesIam) {
    mistakes.push('REDIS_PASSWORD_FILE is missing: REDIS_USERNAME needs a password, given as the path of a file.');
  }
  if ((env.REDIS_CERT_FILE === undefined) !== (env.REDIS_KEY_FILE === undefined)) {
    const missing = env.REDIS_CERT_FILE ? 'REDIS_KEY_FILE' : 'REDIS_CERT_FILE';
    mistakes.push(`${missing} is missing: a client certificate needs REDIS_CERT_FILE and REDIS_KEY_FILE.`);
  }
  const tlsOnly = (['REDIS_CA_FILE', 'REDIS_CERT_FILE', 'REDIS_TLS_SERVER_NAME'] as const).filter((name) => env[name]);
  if (tlsOnly.length > 0 && !usesTls(env)) {
    mistakes.push(`${tlsOnly.join(', ')} has no effect without TLS: set REDIS_TLS=true, or a REDIS_URL of rediss://.`);
  }
  if (env.REDIS_SENTINEL_USERNAME && !env.REDIS_SENTINEL_PASSWORD_FILE) {
    mistakes.push(
      'REDIS_SENTINEL_PASSWORD_FILE is missing: REDIS_SENTINEL_USERNAME needs a password, given as the path of a file.',
    );
  }
  if (env.REDIS_URL && env.REDIS_SENTINEL_PASSWORD_FILE) {
    mistakes.push('REDIS_SENTINEL_PASSWORD_FILE is set with REDIS_URL, where there are no Sentinels: leave it out.');
  }
  mistakes.push(...sessionTimeoutMistakes(env));
  if (env.REDIS_URL && (env.SESSION_WAIT_REPLICAS ?? 0) > 0) {
    mistakes.push(
      'SESSION_WAIT_REPLICAS is above 0 with REDIS_URL: a single Redis has no replicas to wait for; set it to 0.',
    );
  }
  for (const name of fileNames) {
    const path = env[name];
    if (path !== undefined && !isReadable(path)) mistakes.push(`${name} names a file that can't be read.`);
  }
  return mistakes;
}

/** Whether a file can be read by this process. */
export function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
