import { createFileSource } from '@holdfast/session';
import type { OidcServices } from '../auth-context.ts';
import type { OidcEnvironment } from './oidc-environment.ts';
import { OidcProvider } from './oidc-provider.ts';

export interface OidcServicesOptions {
  /** A changed secret file that can't be used; the last good secret stays in force. */
  onFileError: (error: Error) => void;
  /** The provider could not be reached; it is asked again when it is needed. */
  onProviderError: (error: Error) => void;
}

/**
 * Single sign-on as the environment has it, checked by `oidcEnvironmentMistakes`; undefined where there is none.
 *
 * @throws Error at the start when the file of the secret can't be used
 */
export function createOidcServices(
  env: OidcEnvironment,
  { onFileError, onProviderError }: OidcServicesOptions,
): OidcServices | undefined {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_REDIRECT_URI: redirectUri } = env;
  if (issuer === undefined || clientId === undefined || redirectUri === undefined) return undefined;
  const path = env.OIDC_CLIENT_SECRET_FILE;
  const provider = new OidcProvider({
    issuer,
    clientId,
    clientSecret: path === undefined ? undefined : createFileSource(path, parseSecret, { onError: onFileError }),
    redirectUri,
    scopes: env.OIDC_SCOPES,
    postLogoutRedirectUri: env.OIDC_POST_LOGOUT_REDIRECT_URI,
    onError: onProviderError,
  });
  provider.prepare();
  return {
    provider,
    roles: { claim: env.OIDC_ROLES_CLAIM, roles: new Map(env.OIDC_ROLES_MAP), defaults: env.OIDC_DEFAULT_ROLES },
  };
}

function parseSecret(text: string): string {
  const secret = text.trim();
  if (secret === '') throw new Error('is empty');
  return secret;
}
