import { createHash, createHmac } from 'node:crypto';

export interface IamUser {
  accessKeyId: string;
  secretAccessKey: string;
  username: string;
  cache: string;
  region: string;
  service: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * The signature of a request in the query, worked out from AWS' description of Signature Version 4 and not with the library that
 * signs.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signQuery(
  { host, path, query, payloadHash }: { host: string; path: string; query: URLSearchParams; payloadHash: string },
  secretAccessKey: string,
): string {
  const parameters = [...query].filter(([name]) => name !== 'X-Amz-Signature');
  const canonicalQuery = parameters
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const canonical = ['GET', path, canonicalQuery, `host:${host}\n`, 'host', payloadHash].join('\n');
  const [, day = '', region = '', service = '', end = ''] = (query.get('X-Amz-Credential') ?? '').split('/');
  const toSign = [
    'AWS4-HMAC-SHA256',
    query.get('X-Amz-Date'),
    `${day}/${region}/${service}/${end}`,
    sha256(canonical),
  ].join('\n');
  const key = [day, region, service, end].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, toSign).toString('hex');
}

/** What is wrong with a token for that user, as ElastiCache would look at it; undefined where nothing is. */
export function refuseIamToken(token: string, user: IamUser, nowMs = Date.now()): string | undefined {
  const url = new URL(`http://${token}`);
  const query = url.searchParams;
  const expected = { Action: 'connect', User: user.username, 'X-Amz-SignedHeaders': 'host', 'X-Amz-Expires': '900' };
  for (const [name, value] of Object.entries(expected)) {
    if (query.get(name) !== value) return `${name} is ${query.get(name)}`;
  }
  const scope = (query.get('X-Amz-Credential') ?? '').split('/');
  if (scope[0] !== user.accessKeyId || scope[2] !== user.region || scope[3] !== user.service) return `scope ${scope}`;
  if (url.host !== user.cache || url.pathname !== '/') return `host ${url.host}${url.pathname}`;
  const date = (query.get('X-Amz-Date') ?? '').replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const ageMs = nowMs - Date.parse(date);
  if (!(ageMs >= -5000 && ageMs < 900_000)) return `age ${ageMs}`;
  const signature = signQuery({ host: url.host, path: '/', query, payloadHash: sha256('') }, user.secretAccessKey);
  return query.get('X-Amz-Signature') === signature ? undefined : 'signature';
}
