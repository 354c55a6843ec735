import type { ServiceEnv, ServiceMetrics, TrustedProxies } from '@holdfast/runtime';
import type { LiveCredential, SessionStore, SessionWithDevice } from '@holdfast/session';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Limiter } from './create-limiter.ts';
import type { IntrospectionClients } from './introspection-clients.ts';
import type { LoginLimitConfig } from './login-limits.ts';
import type { OidcProvider } from './oidc/oidc-provider.ts';
import type { RoleMapping } from './oidc/to-oidc-identity.ts';
import type { Places } from './pages/create-places.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { UserDirectory } from './user-directory.ts';

export interface AuthConfig {
  trustedOrigins: readonly string[];
  trustedProxies: TrustedProxies;
  issuer: string;
  audiences: readonly string[];
  loginLimits: LoginLimitConfig;
  /** How long ago an admin may have authenticated to end the sessions of others; 0 is any time. */
  adminMaxAuthAgeMs: number;
}

/** What the routes of auth work with. */
export interface AuthServices {
  config: AuthConfig;
  sessions: SessionStore;
  users: UserDirectory;
  keys: SigningKeys;
  /** Services that may introspect tokens. */
  clients: IntrospectionClients;
  metrics: ServiceMetrics;
  /** Absent where there is no database of places. */
  places?: Places | undefined;
  /** Bounds how many passwords are hashed at once. */
  limitHashing: Limiter;
  /** Absent where people sign in by password only. */
  oidc?: OidcServices | undefined;
}

/** Single sign-on with an OpenID provider. */
export interface OidcServices {
  provider: OidcProvider;
  roles: RoleMapping;
}

/** What the guard of a route leaves in the context. */
export interface AuthVariables {
  session: SessionWithDevice;
  /** What the request proved it with. */
  credential: LiveCredential;
}

export type AuthEnv = ServiceEnv<AuthVariables>;
export type AuthApp = OpenAPIHono<AuthEnv>;
