import { hostname } from 'node:os';
import { wholeNumber } from '@holdfast/session';
import { z } from 'zod';
import { listenPort, trueOrFalse } from './environment-schemas.ts';
import { type TrustedProxies, trustedProxies } from './trusted-proxies.ts';

/** The environment variables every service has. `OTEL_*` belong to the OpenTelemetry SDK, which reads them itself. */
export const serviceEnvironment = {
  HOST: z.string().min(1).default('0.0.0.0').describe('The address to listen on'),
  PORT: listenPort().default(8080).describe('The port of the API'),
  METRICS_PORT: listenPort().default(9464).describe('The port of /metrics, which needs no login: keep it inside'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('How much is logged'),
  EXPOSE_INSTANCE: trueOrFalse().default(false).describe('Whether replies name the instance in x-served-by'),
  INSTANCE_NAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,253}$/, 'must be 1 to 253 of A-Z a-z 0-9 . _ -')
    .default(() => hostname().replace(/[^A-Za-z0-9._-]/g, '-'))
    .describe('The name of this instance'),
  TRUSTED_PROXIES: trustedProxies
    .default((): TrustedProxies => ({ kind: 'none' }))
    .describe('Proxies whose X-Forwarded-For is believed: how many, or their networks')
    .meta({ examples: ['10.0.0.0/8'] }),
  STRICT_TRANSPORT_SECURITY: z
    .string()
    .regex(
      /^max-age=\d{1,10}(; includeSubDomains(; preload)?)?$/,
      'must be max-age=<seconds>, perhaps with "; includeSubDomains" and "; preload" behind it',
    )
    .optional()
    .describe('The header of that name (RFC 6797), for a site that is reached by HTTPS only; without it none is sent')
    .meta({ examples: ['max-age=31536000'] }),
  KEEP_ALIVE_TIMEOUT_MS: wholeNumber(1000, 3_600_000)
    .default(65_000)
    .describe('How long an idle connection stays open; longer than the load balancer keeps it'),
  DRAIN_DELAY_MS: wholeNumber(0, 600_000)
    .default(5000)
    .describe(
      'How long a service that was told to stop still takes new connections, while its replies ask clients to leave',
    ),
  DRAIN_TIMEOUT_MS: wholeNumber(0, 600_000)
    .default(15_000)
    .describe(
      'How long it then waits for requests that are under way; half as long for one more on an idle connection',
    ),
};

export type ServiceEnvironment = z.output<z.ZodObject<typeof serviceEnvironment>>;

/** What contradicts itself in the variables of {@link serviceEnvironment}: one text for each mistake. */
export function serviceEnvironmentMistakes(env: Partial<ServiceEnvironment>): string[] {
  if (env.PORT === undefined || env.PORT === 0 || env.PORT !== env.METRICS_PORT) return [];
  return [`PORT and METRICS_PORT are both ${env.PORT}: the API and the metrics need a port each.`];
}
