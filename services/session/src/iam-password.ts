import { setTimeout as delay } from 'node:timers/promises';

export interface IamPasswordOptions {
  /** `elasticache` or `memorydb`: what the token is signed for. */
  service: string;
  isServerless: boolean;
  /** The name of the replication group, the serverless cache or the MemoryDB cluster; not its host. */
  cache: string;
  /** The user's id there. With IAM it is the user's name as well. */
  username: string;
  region: string;
}

/** What AWS gives: a token may be used for 15 minutes. */
const LIFE_SECONDS = 900;
const RENEW_MS = 300_000;
/** So that one is not too old by the time the server looks at it. */
const USABLE_MS = (LIFE_SECONDS - 60) * 1000;
const RETRY_MS = 1000;

/** AWS is asked for credentials where they have expired. */
const LONGEST_SIGNING_MS = 10_000;

async function afterTooLong(): Promise<never> {
  await delay(LONGEST_SIGNING_MS, undefined, { ref: false });
  throw new Error(`AWS gave no credentials within ${LONGEST_SIGNING_MS} ms`);
}

interface Token {
  text: string;
  signedAtMs: number;
}

/**
 * Passwords for IAM authentication at ElastiCache and MemoryDB: an address that is signed (SigV4) with the credentials that the AWS SDK
 * finds for this process, such as those of its Kubernetes service account. A new one is signed when the last is five minutes old.
 *
 * @returns what to ask for the password of this moment. It throws while no token could be signed.
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
 */
export function createIamPassword(options: IamPasswordOptions): () => string {
  let token: Token | undefined;
  let failure: unknown = new Error('it is being signed');
  let isSigning = false;
  // Looked for once, and renewed by the SDK when they expire. Who does not use IAM does not load it.
  let credentials: (() => Promise<AwsCredentials>) | undefined;
  const renew = async () => {
    isSigning = true;
    try {
      credentials ??= (await import('@aws-sdk/credential-provider-node')).defaultProvider();
      const text = await Promise.race([presign(options, credentials, new Date()), afterTooLong()]);
      token = { text, signedAtMs: Date.now() };
    } catch (error) {
      failure = error;
      await delay(RETRY_MS, undefined, { ref: false });
    } finally {
      isSigning = false;
    }
  };
  return () => {
    const ageMs = token === undefined ? Number.POSITIVE_INFINITY : Date.now() - token.signedAtMs;
    if (ageMs >= RENEW_MS && !isSigning) void renew();
    if (token === undefined || ageMs >= USABLE_MS) {
      throw new Error(`no IAM token for Redis: ${(failure as Error).message}`, { cause: failure });
    }
    return token.text;
  };
}

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/**
 * @param credentials as they are, or where they come from
 * @returns the address without its `http://`, which is no part of the token
 */
export async function presign(
  { service, isServerless, cache, username, region }: IamPasswordOptions,
  credentials: AwsCredentials | (() => Promise<AwsCredentials>),
  signingDate: Date,
): Promise<string> {
  const [{ SignatureV4 }, { Sha256 }] = await Promise.all([
    import('@smithy/signature-v4'),
    import('@aws-crypto/sha256-js'),
  ]);
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const query = { Action: 'connect', User: username, ...(isServerless ? { ResourceType: 'ServerlessCache' } : {}) };
  const request = {
    method: 'GET',
    protocol: 'http:',
    // The name in lower case, as AWS keeps it.
    hostname: cache.toLowerCase(),
    path: '/',
    query,
    headers: { host: cache.toLowerCase() },
  };
  const signed = await signer.presign(request, { signingDate, expiresIn: LIFE_SECONDS });
  const parameters = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  return `${signed.hostname}/?${parameters.join('&')}`;
}
