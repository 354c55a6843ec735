import { createServer, type Server } from 'node:http';
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import { reservePort } from './reserve-port.ts';
import type { TestBrowser } from './test-browser.ts';

export interface TestClient {
  clientId: string;
  clientSecret: string;
  redirectUri: string;
  backchannelLogoutUri: string;
  postLogoutRedirectUri: string;
}

export interface LogoutTokenOptions {
  claims?: JWTPayload;
  /** Claims to leave out. */
  without?: readonly string[];
  typ?: string | undefined;
}

export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * A certified OpenID provider on loopback. Anybody may sign in with it, by any name; who is called `root` is of the group
 * `admins`.
 */
export class TestOpenIdProvider implements AsyncDisposable {
  readonly issuer: string;
  readonly #client: TestClient;
  readonly #signingKey: CryptoKey;
  readonly #provider: Provider;
  #server: Server | undefined;
  /** The ID tokens it issued, by `sub`, the newest last. */
  readonly idTokens = new Map<string, string[]>();
  /** What came with each wish to sign out. */
  readonly idTokenHints: (string | null)[] = [];
  /** Whether it refuses to sign anybody out without one, as Okta and Hydra do. */
  requiresIdTokenHint = false;
  /** What becomes of the claims of ID tokens before they are signed. */
  changeIdToken: ((claims: JWTPayload) => JWTPayload) | undefined;

  private constructor(issuer: string, client: TestClient, signingKey: CryptoKey, provider: Provider) {
    this.issuer = issuer;
    this.#client = client;
    this.#signingKey = signingKey;
    this.#provider = provider;
    provider.use(async (context, next) => {
      if (context.method === 'GET' && context.path === '/session/end') {
        const hint = new URL(context.url, issuer).searchParams.get('id_token_hint');
        this.idTokenHints.push(hint);
        if (hint === null && this.requiresIdTokenHint) context.throw(400, 'id_token_hint is missing');
      }
      await next();
      const body = context.body as { id_token?: string } | undefined;
      if (!this.changeIdToken || typeof body?.id_token !== 'string') return;
      const claims = new TextEncoder().encode(JSON.stringify(this.changeIdToken(readClaims(body.id_token))));
      const header = { alg: 'RS256', kid: 'test' };
      body.id_token = await new CompactSign(claims).setProtectedHeader(header).sign(signingKey);
    });
    provider.on('grant.success', (context) => {
      const idToken = (context.body as { id_token?: string }).id_token;
      if (idToken === undefined) return;
      const { sub } = readClaims(idToken);
      this.idTokens.set(String(sub), [...(this.idTokens.get(String(sub)) ?? []), idToken]);
    });
  }

  /** Not started yet: nothing listens. */
  static async create(client: TestClient): Promise<TestOpenIdProvider> {
    // To a browser this is another site than 127.0.0.1, as providers are.
    const issuer = `http://localhost:${await reservePort()}`;
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk: JWK = { ...(await exportJWK(privateKey)), kid: 'test', alg: 'RS256', use: 'sig' };
    const provider = new Provider(issuer, {
      jwks: { keys: [jwk as never] },
      cookies: { keys: ['only-on-loopback-in-tests'] },
      clients: [
        {
          client_id: client.clientId,
          client_secret: client.clientSecret,
          redirect_uris: [client.redirectUri],
          post_logout_redirect_uris: [client.postLogoutRedirectUri],
          backchannel_logout_uri: client.backchannelLogoutUri,
          backchannel_logout_session_required: true,
        },
      ],
      features: {
        devInteractions: { enabled: true },
        backchannelLogout: { enabled: true },
        rpInitiatedLogout: { enabled: true },
      },
      conformIdTokenClaims: false,
      claims: { openid: ['sub'], groups: ['groups'] },
      scopes: ['openid', 'groups'],
      // The provider's own way out refuses loopback, where all of a test is.
      fetch: (url, { dispatcher: _, ...options } = {}) => fetch(url, options as RequestInit),
      pkce: { required: () => true },
      ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
      findAccount: (_, accountId) => ({
        accountId,
        claims: () => ({ sub: accountId, groups: accountId === 'root' ? ['admins', 'everybody'] : ['everybody'] }),
      }),
    });
    return new TestOpenIdProvider(issuer, client, privateKey, provider);
  }

  /** Does nothing where it runs already. */
  async start(): Promise<void> {
    if (this.#server) return;
    const { port } = new URL(this.issuer);
    const answer = this.#provider.callback();
    const server = createServer((request, response) => {
      const framed = new URL(request.url ?? '/', this.issuer).searchParams.get('frame');
      if (framed === null) return void answer(request, response);
      // Front-channel logout, which this provider has not got itself: a page with a frame of the client.
      response.setHeader('content-type', 'text/html').end(`<iframe src="${framed.replaceAll('&', '&amp;')}"></iframe>`);
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(port), '127.0.0.1', resolve);
    });
  }

  /** It keeps what it knows. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }

  /**
   * Signs a person in at the provider, unless its session does, and lets it tell who they are.
   *
   * @returns the address that the browser is sent back to, which is not asked
   */
  async signIn(browser: TestBrowser, authorization: string | URL, name: string): Promise<URL> {
    const isCallback = (url: URL) => url.href.startsWith(this.#client.redirectUri);
    let { url, response } = await browser.visit(authorization, isCallback);
    for (let form = 0; response && form < 4; form++) {
      const text = await response.text();
      const [, action] = /<form[^>]* action="([^"]+)"/.exec(text) ?? [];
      const [, prompt] = /name="prompt" value="([^"]+)"/.exec(text) ?? [];
      if (action === undefined || prompt === undefined) throw new Error(`${url.pathname}: ${text.slice(0, 500)}`);
      const body = new URLSearchParams({ prompt, login: name, password: 'any' });
      ({ url, response } = await browser.visit(new URL(action, url), isCallback, { method: 'POST', body }));
    }
    return url;
  }

  /** Signs a person out at the provider, which tells its clients by the back channel. */
  async signOut(browser: TestBrowser, endSession: string | URL): Promise<{ url: URL }> {
    const { url, response } = await browser.visit(endSession, undefined, {
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    const text = (await response?.text()) ?? '';
    const [, action] = /action="([^"]+)"/.exec(text) ?? [];
    const [, xsrf] = /name="xsrf" value="([^"]+)"/.exec(text) ?? [];
    if (action === undefined || xsrf === undefined) throw new Error(`${url.pathname}: ${text.slice(0, 500)}`);
    const body = new URLSearchParams({ xsrf, logout: 'yes' });
    const home = (next: URL) => next.href.startsWith(this.#client.postLogoutRedirectUri);
    return await browser.visit(new URL(action, url), home, { method: 'POST', body });
  }

  /** What the newest ID token for that person says. */
  claimsOf(name: string): JWTPayload & { sid: string } {
    return readClaims(this.idTokens.get(name)?.at(-1) ?? '') as JWTPayload & { sid: string };
  }

  /** A logout token as the provider would make it, but for what the test says. */
  async createLogoutToken({ claims = {}, without = [], ...options }: LogoutTokenOptions = {}, key?: CryptoKey) {
    const now = Math.floor(Date.now() / 1000);
    const all: JWTPayload = {
      iss: this.issuer,
      aud: this.#client.clientId,
      iat: now,
      exp: now + 120,
      jti: crypto.randomUUID(),
      events: { [LOGOUT_EVENT]: {} },
      ...claims,
    };
    const payload = Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)));
    const typ = 'typ' in options ? options.typ : 'logout+jwt';
    return await new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: 'test', ...(typ === undefined ? {} : { typ }) })
      .sign(key ?? this.#signingKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function readClaims(token: string): JWTPayload {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as JWTPayload;
}
