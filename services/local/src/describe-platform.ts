import type { Platform } from './platform.ts';

/** Where everything listens, and one example to paste. */
export function describePlatform(platform: Platform, folder: string): string {
  const { auth, edge, orders, redis, postgres, state } = platform;
  const addresses = (nodes: readonly { endpoint: { host: string; port: number } }[]) =>
    nodes.map(({ endpoint }) => `${endpoint.host}:${endpoint.port}`).join('  ');
  const [first, last] = [auth[0]?.url, orders.at(-1)?.url];
  const [user] = state.users;
  const login = JSON.stringify({ username: user?.username, password: user?.password, transport: 'bearer' });
  return `
  pages       ${edge.url.replace('127.0.0.1', 'localhost')}/orders   in a browser
  auth        ${auth.map(({ url }) => url).join('  ')}
  orders      ${orders.map(({ url }) => url).join('  ')}
  Redis       ${addresses(redis.nodes)}
  Sentinel    ${addresses(redis.sentinels)}
  PostgreSQL  ${addresses([postgres])}
  users       ${state.users.map(({ username }) => username).join(', ')}: passwords in ${folder}/credentials.json
  logs        ${folder}/*/*.log

Log in at one auth, order at the other service with the same session:

  TOKEN=$(curl -sS ${first}/v1/sessions -H 'content-type: application/json' \\
    -d '${login}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl -sS ${last}/v1/orders -H "authorization: Bearer $TOKEN" -H "idempotency-key: $(date +%s)" \\
    -H 'content-type: application/json' -d '{"sku":"teapot","quantity":1}'
`;
}
