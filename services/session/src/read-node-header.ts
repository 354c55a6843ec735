import type { IncomingMessage } from 'node:http';
import type { ReadHeader } from './credential.ts';

/**
 * The headers of a request as Node has them, all lines of one name joined (RFC 9110, section 5.3). Node's own
 * `headers` drops every `Authorization` but the first: which of two credentials counts would then depend on the framework.
 */
export function readNodeHeader({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): ReadHeader {
  return (name) => {
    const lines = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
    return lines.length === 0 ? undefined : lines.join(name === 'cookie' ? '; ' : ', ');
  };
}
