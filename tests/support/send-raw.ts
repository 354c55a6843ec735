import { request } from 'node:http';

export interface RawRequest {
  method?: string;
  /** A list of values sends the header so many times. */
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
  /** Sends the body in chunks, without saying how long it is. */
  chunked?: boolean;
}

export interface RawReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

const NO_ANSWER_MS = 20_000;

/** Sends what fetch would refuse to send, or would mend on the way, on a connection of its own. */
export function sendRaw(url: string, path: string, { method = 'GET', headers = {}, body, chunked }: RawRequest) {
  const { hostname, port } = new URL(url);
  const length = body === undefined || chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options = { hostname, port, path, method, agent: false, headers: { ...headers, ...length } };
  return new Promise<RawReply>((resolve, reject) => {
    const outgoing = request(options, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text });
      });
    });
    // After an answer the server may close while we are still sending: by then the promise is settled.
    outgoing.on('error', reject);
    outgoing.setTimeout(NO_ANSWER_MS, () => outgoing.destroy(new Error(`no answer to ${method} ${path.slice(0, 80)}`)));
    if (chunked) outgoing.write(body);
    outgoing.end(chunked ? undefined : body);
  });
}
