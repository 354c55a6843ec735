/** A session token that a client put where it does not belong. */
const token = /hf1_[A-Za-z0-9_-]+/g;

/** A path for logs and spans: bounded in length, and without a session token. */
export function redactPath(path: string): string {
  return (path.length > 200 ? `${path.slice(0, 200)}…` : path).replace(token, 'hf1_[redacted]');
}
