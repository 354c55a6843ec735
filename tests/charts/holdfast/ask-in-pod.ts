import type { HoldfastRelease } from './holdfast-release.ts';

export interface PodRequest {
  readonly method?: string;
  readonly token?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

const program = `
const [url, { method, token, body, headers }] = JSON.parse(process.argv[1]);
fetch(url, {
  method,
  headers: { ...headers, ...(token && { authorization: 'Bearer ' + token }), ...(body && { 'content-type': 'application/json' }) },
  body: body && JSON.stringify(body),
}).then(async (response) => console.log(JSON.stringify({ status: response.status, body: await response.json() })));`;

/** One request, made in a pod of orders: it may reach auth, and itself. */
export async function askInPod(
  release: HoldfastRelease,
  url: string,
  request: PodRequest = {},
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the services answer
): Promise<{ status: number; body: any }> {
  const argument = JSON.stringify([url, request]);
  const pod = await release.pod('orders');
  return JSON.parse(await release.kubectl('exec', pod, '--', 'node', '-e', program, '--', argument));
}
