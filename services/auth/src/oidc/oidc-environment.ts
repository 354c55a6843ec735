import { filePath, httpUrl, listOf } from '@holdfast/runtime';
import { isReadable } from '@holdfast/session';
import { z } from 'zod';
import { role, rolesMap } from './roles-map.ts';

export const CALLBACK_PATH = '/auth/oidc/callback';

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Codes and tokens go there, so it is TLS, or does not leave the machine. */
const secureUrl = () =>
  httpUrl().refine(
    (text) => text.startsWith('https://') || isLoopbackUrl(text),
    'must begin with https:// (http:// only for this machine itself)',
  );

/** The environment variables of single sign-on; without `OIDC_ISSUER` there is none. */
export const oidcEnvironment = {
  OIDC_ISSUER: secureUrl().optional().describe('The OpenID provider people may sign in with; without it there is none'),
  OIDC_CLIENT_ID: z.string().min(1).max(256).optional().describe('What the provider knows this service by'),
  OIDC_CLIENT_SECRET_FILE: filePath()
    .optional()
    .describe('File with the secret the two share, read again when it changes; without it a public client'),
  OIDC_REDIRECT_URI: secureUrl()
    .optional()
    .describe(`This service’s ${CALLBACK_PATH} as browsers reach it, registered with the provider`),
  OIDC_SCOPES: listOf(z.string().regex(/^[!#-[\]-~]+$/, 'must be scopes'))
    .default(['openid'])
    .describe('What the provider is asked for, openid among it'),
  OIDC_ROLES_CLAIM: z
    .string()
    .min(1)
    .optional()
    .describe('The claim of the ID token that roles come from: its name, or a path such as realm_access.roles'),
  OIDC_ROLES_MAP: rolesMap()
    .default([])
    .describe('Which value of it gives which role, value=role or a JSON object; a value that is not here gives none'),
  OIDC_DEFAULT_ROLES: listOf(role).default([]).describe('Roles of everybody who signs in with the provider'),
  OIDC_POST_LOGOUT_REDIRECT_URI: secureUrl()
    .optional()
    .describe('Where the provider sends people who signed out there, registered with it'),
};

export type OidcEnvironment = z.output<z.ZodObject<typeof oidcEnvironment>>;

/** What contradicts itself in the variables of {@link oidcEnvironment}: one text for each mistake. */
export function oidcEnvironmentMistakes(env: Partial<OidcEnvironment>): string[] {
  const mistakes: string[] = [];
  const alone = (
    ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET_FILE', 'OIDC_REDIRECT_URI', 'OIDC_POST_LOGOUT_REDIRECT_URI'] as const
  ).filter((name) => env[name] !== undefined);
  if (env.OIDC_ISSUER === undefined) {
    if (alone.length > 0) {
      mistakes.push(`OIDC_ISSUER is missing: without it ${alone.join(', ')} would have no effect.`);
    }
    return mistakes;
  }
  if (env.OIDC_CLIENT_ID === undefined) {
    mistakes.push('OIDC_CLIENT_ID is missing: set what the provider of OIDC_ISSUER knows this service by.');
  }
  const secretFile = env.OIDC_CLIENT_SECRET_FILE;
  if (secretFile !== undefined && !isReadable(secretFile)) {
    mistakes.push("OIDC_CLIENT_SECRET_FILE names a file that can't be read.");
  }
  if (env.OIDC_REDIRECT_URI === undefined) {
    mistakes.push(`OIDC_REDIRECT_URI is missing: set it to https://<the site>${CALLBACK_PATH}.`);
  } else if (new URL(env.OIDC_REDIRECT_URI).pathname !== CALLBACK_PATH) {
    mistakes.push(`OIDC_REDIRECT_URI does not lead to ${CALLBACK_PATH}: only there a sign-in is finished.`);
  }
  if (env.OIDC_SCOPES !== undefined && !env.OIDC_SCOPES.includes('openid')) {
    mistakes.push('OIDC_SCOPES has no openid: without it the provider does not say who somebody is.');
  }
  if (env.OIDC_ROLES_CLAIM !== undefined && env.OIDC_ROLES_MAP?.length === 0) {
    mistakes.push('OIDC_ROLES_MAP is missing: say which value of OIDC_ROLES_CLAIM gives which role, as value=role.');
  }
  if (env.OIDC_ROLES_CLAIM === undefined && (env.OIDC_ROLES_MAP?.length ?? 0) > 0) {
    mistakes.push('OIDC_ROLES_CLAIM is missing: say in which claim of the ID token the values of OIDC_ROLES_MAP are.');
  }
  return mistakes;
}

/** Whether a URL never leaves the machine: there TLS protects nothing. */
export function isLoopbackUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'http:' && loopback.has(hostname);
}
