/** As much of a browser as sign-ins need: cookies, and redirects that stop where a test wants to look. */
export class TestBrowser {
  /** By name; all that a test reaches is one site. */
  readonly cookies = new Map<string, string>();
  readonly #headers: Record<string, string>;

  /** @param headers sent with every request */
  constructor(headers: Record<string, string> = {}) {
    this.#headers = headers;
  }

  /** One request; redirects are not followed. */
  async send(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...this.#headers, ...(cookie === '' ? {} : { cookie }), ...(init.headers as object) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  /**
   * Follows redirects.
   *
   * @param stop at the first address that it is true for, which is not asked
   * @returns the last address, and its response if it was asked
   */
  async visit(url: string | URL, stop: (url: URL) => boolean = () => false, init: RequestInit = {}) {
    let next = new URL(url);
    let request = init;
    for (let hop = 0; hop < 20; hop++) {
      if (stop(next)) return { url: next };
      const response = await this.send(next, request);
      const location = response.headers.get('location');
      if (location === null) return { url: next, response };
      await response.body?.cancel();
      next = new URL(location, next);
      request = {};
    }
    throw new Error(`more than 20 redirects, the last to ${next.origin}${next.pathname}`);
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const expired = attributes.some(
      (attribute) =>
        /^max-age=0$/i.test(attribute) || Date.parse(/^expires=(.*)$/i.exec(attribute)?.[1] ?? '') < Date.now(),
    );
    if (expired) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
