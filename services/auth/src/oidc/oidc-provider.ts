import type { FileSource } from '@holdfast/session';
import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  discovery,
  enableNonRepudiationChecks,
  type IDToken,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type ServerMetadata,
} from 'openid-client';
import { isLoopbackUrl } from './oidc-environment.ts';
import { providerUnavailable, toOidcError } from './to-oidc-error.ts';
import { toAuthenticatedAtMs, UNKNOWN_AUTHENTICATION_MS } from './to-oidc-identity.ts';

export interface OidcProviderOptions {
  issuer: string;
  clientId: string;
  /** Absent for a public client, which PKCE alone protects. */
  clientSecret?: FileSource<string> | undefined;
  redirectUri: string;
  scopes: readonly string[];
  postLogoutRedirectUri?: string | undefined;
  /** Why the provider could not be discovered. */
  onError?: (error: Error) => void;
}

/** What has to be known of a sign-in when the browser comes back from the provider. */
export interface SignInAttempt {
  state: string;
  nonce: string;
  codeVerifier: string;
  /** How long ago the person may have proved who they are, in seconds. */
  maxAge?: number | undefined;
}

export interface FinishedSignIn {
  claims: IDToken;
  /** As it was sent, where the provider has a place to sign out that may want it. */
  idToken: string | undefined;
}

/** Half of what a load balancer usually waits. */
const TIMEOUT_SECONDS = 5;
/** A provider that could not be reached is not asked again before. */
const PAUSE_MS = 1000;
/** What a provider says of itself may change, if rarely. */
const REFRESH_MS = 3_600_000;

/**
 * An OpenID provider, as its client sees it: authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1;
 * RFC 9700). Nothing has to be reachable for it to be made: it is discovered when it is first needed, and once at the start.
 */
export class OidcProvider {
  readonly options: OidcProviderOptions;
  #metadata: { server: ServerMetadata; discoveredAtMs: number } | undefined;
  #discovering: Promise<ServerMetadata> | undefined;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #configuration: { configuration: Configuration; server: ServerMetadata; secret: string | undefined } | undefined;
  #keys: { url: string; getKey: JWTVerifyGetKey } | undefined;

  constructor(options: OidcProviderOptions) {
    this.options = options;
  }

  /** Tries to discover the provider, so that the first sign-in need not wait. */
  prepare(): void {
    this.#discover().catch(() => {});
  }

  /** Where to send the browser, and what to keep until it comes back. @throws HoldfastError `provider-unavailable` */
  async begin(maxAge: number | undefined): Promise<{ url: URL; attempt: SignInAttempt }> {
    const configuration = await this.#configure();
    const attempt = { state: randomState(), nonce: randomNonce(), codeVerifier: randomPKCECodeVerifier(), maxAge };
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: this.options.redirectUri,
      scope: this.options.scopes.join(' '),
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await calculatePKCECodeChallenge(attempt.codeVerifier),
      code_challenge_method: 'S256',
      ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
      // Some providers know only one of the two (OpenID Connect Core 1.0, section 3.1.2.1).
      ...(maxAge === 0 ? { prompt: 'login' } : {}),
    });
    return { url, attempt };
  }

  /**
   * Exchanges the code of the callback and checks the ID token: issuer, audience, times, nonce, and the signature as
   * well, which the specification would spare us. Where a recent authentication was asked for, the token has to say that
   * there was one (section 2, `auth_time`): a provider may leave `max_age` and `prompt` unheard.
   *
   * @param query of the callback, with its `?`
   * @throws HoldfastError `sign-in-failed` or `provider-unavailable`
   */
  async finish(query: string, { state, nonce, codeVerifier, maxAge }: SignInAttempt): Promise<FinishedSignIn> {
    const configuration = await this.#configure();
    // Behind a proxy the request doesn't know what the browser asked for: the registered address is what counts.
    const callback = new URL(this.options.redirectUri);
    callback.search = query;
    try {
      const tokens = await authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
        ...(maxAge === undefined ? {} : { maxAge }),
      });
      const claims = tokens.claims() as IDToken;
      // The library has checked that it is there and not too old. It takes a time to come for a recent one.
      if (maxAge !== undefined && toAuthenticatedAtMs(claims.auth_time, Date.now()) === UNKNOWN_AUTHENTICATION_MS) {
        throw Object.assign(new Error('the ID token’s auth_time can’t be true'), { code: 'AUTH_TIME_IMPOSSIBLE' });
      }
      const signsOut = configuration.serverMetadata().end_session_endpoint !== undefined;
      return { claims, idToken: signsOut ? tokens.id_token : undefined };
    } catch (error) {
      throw toOidcError(error);
    }
  }

  /**
   * Where the person can end the provider's session too, if the provider has such a place.
   *
   * @param idToken of the person's sign-in, without which some providers (Okta, Hydra) sign nobody out
   */
  async endSessionUrl(idToken: string | undefined): Promise<URL | undefined> {
    const configuration = await this.#configure();
    if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
    const { postLogoutRedirectUri } = this.options;
    return buildEndSessionUrl(configuration, {
      ...(idToken === undefined ? {} : { id_token_hint: idToken }),
      ...(postLogoutRedirectUri === undefined ? {} : { post_logout_redirect_uri: postLogoutRedirectUri }),
    });
  }

  /** What the provider calls itself, to the letter; what is configured may lack a closing slash. @throws HoldfastError `provider-unavailable` */
  async issuer(): Promise<string> {
    return (await this.#discover()).issuer;
  }

  /** The keys the provider signs with, for `jwtVerify`. @throws HoldfastError `provider-unavailable` */
  async keys(): Promise<JWTVerifyGetKey> {
    const { jwks_uri: url } = await this.#discover();
    if (url === undefined) throw providerUnavailable(new Error('the provider names no jwks_uri'));
    if (this.#keys?.url !== url) {
      const getKey = createRemoteJWKSet(new URL(url), { timeoutDuration: TIMEOUT_SECONDS * 1000 });
      this.#keys = { url, getKey };
    }
    return this.#keys.getKey;
  }

  close(): void {
    this.options.clientSecret?.close();
  }

  async #configure(): Promise<Configuration> {
    const server = await this.#discover();
    const secret = this.options.clientSecret?.current;
    if (this.#configuration?.server !== server || this.#configuration.secret !== secret) {
      const configuration = new Configuration(server, this.options.clientId, {}, chooseClientAuth(server, secret));
      configuration.timeout = TIMEOUT_SECONDS;
      this.#secure(configuration);
      this.#configuration = { configuration, server, secret };
    }
    return this.#configuration.configuration;
  }

  #secure(configuration: Configuration): void {
    enableNonRepudiationChecks(configuration);
    if (isLoopbackUrl(this.options.issuer)) allowInsecureRequests(configuration);
  }

  async #discover(): Promise<ServerMetadata> {
    const known = this.#metadata;
    if (known && Date.now() - known.discoveredAtMs < REFRESH_MS) return known.server;
    if (!this.#discovering && performance.now() - this.#failedAtMs >= PAUSE_MS) {
      this.#discovering = this.#askProvider().finally(() => {
        this.#discovering = undefined;
      });
      // Those who can go on with what is known do not wait for it.
      this.#discovering.catch(() => {});
    }
    if (known) return known.server;
    if (!this.#discovering) throw providerUnavailable();
    return this.#discovering;
  }

  async #askProvider(): Promise<ServerMetadata> {
    const { issuer, clientId, onError } = this.options;
    try {
      const found = await discovery(new URL(issuer), clientId, undefined, None(), {
        timeout: TIMEOUT_SECONDS,
        execute: isLoopbackUrl(issuer) ? [allowInsecureRequests] : [],
      });
      const server = found.serverMetadata();
      this.#metadata = { server, discoveredAtMs: Date.now() };
      return server;
    } catch (cause) {
      this.#failedAtMs = performance.now();
      onError?.(cause as Error);
      throw providerUnavailable(cause);
    }
  }
}

/** As the provider wants it; where it does not say, as OpenID Connect Core 1.0, section 9, has it. */
function chooseClientAuth(server: ServerMetadata, secret: string | undefined) {
  if (secret === undefined) return None();
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return methods.includes('client_secret_basic') ? ClientSecretBasic(secret) : ClientSecretPost(secret);
}
