import type { IncomingMessage } from 'node:http';
import type { ReadHeader } from './credential.ts';

/**
 * The headers of a request as Node has them, all lines of one name joined (RFC 9110, section 5.3). Node's own
 * `headers` drops every `Authorization` but the first: which of two credentials counts would then depend on the framework.
 */
export function readNodeHeader({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): ReadHeader {
  return (name) => {
    let joined: string | undefined;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const line = rawHeaders[index] as string;
      if (line.length !== name.length || line.toLowerCase() !== name) continue;
      const value = rawHeaders[index + 1] as string;
      joined = joined === undefined ? value : joined + (name === 'cookie' ? '; ' : ', ') + value;
    }
    return joined;
  };
}
