import type { Environment } from './parse-config.ts';

/** So many characters in a row are no coincidence. */
const windowLength = 6;

/**
 * Makes a function that removes from a text whatever it repeats of the variables whose names begin with `prefix`: the messages
 * of a library repeat them, and a header or an endpoint may hold a secret.
 */
export function hideValues(env: Environment, prefix: string): (text: string) => string {
  const values = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith(prefix) && value ? [value, decode(value)] : [],
  );
  return (text) => {
    let shown = '';
    let hiddenUntil = 0;
    for (let at = 0; at < text.length; at++) {
      const piece = text.slice(at, at + windowLength);
      if (piece.length === windowLength && values.some((value) => value.includes(piece))) {
        if (at >= hiddenUntil) shown += '…';
        hiddenUntil = at + windowLength;
      }
      if (at >= hiddenUntil) shown += text[at];
    }
    return shown;
  };
}

function decode(text: string): string {
  // Piece by piece: one that is no escape must not keep the others from being decoded.
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}
