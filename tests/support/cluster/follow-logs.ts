import { createInterface } from 'node:readline';
import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Log } from '@kubernetes/client-node';
import type { Cluster } from './connect-cluster.ts';
import type { PodRef } from './pod-ref.ts';

export type OnLine = (atMs: number, text: string) => void;

/**
 * Every line a container writes, once, with the time its node gave it, until the signal ends it: also over restarts of the
 * container and lost connections.
 */
export async function followLogs(
  cluster: Cluster,
  { namespace, pod, container = '' }: PodRef,
  since: Date,
  onLine: OnLine,
  signal: AbortSignal,
): Promise<void> {
  let last = since.toISOString();
  while (!signal.aborted) {
    const stream = new PassThrough();
    // The client listens to no error of the connection, which would end the process.
    stream.once('pipe', (source: Readable) => source.once('error', () => stream.end()));
    const options = { follow: true, timestamps: true, sinceTime: last };
    const abort = await new Log(cluster.config).log(namespace, pod, container, stream, options).catch(() => undefined);
    if (abort !== undefined) {
      const end = () => {
        abort.abort();
        stream.destroy();
      };
      signal.addEventListener('abort', end, { once: true });
      try {
        for await (const line of createInterface({ input: stream })) {
          const space = line.indexOf(' ');
          const stamp = line.slice(0, space);
          // `sinceTime` counts whole seconds, so the last lines come again. Stamps have as many digits as they need.
          if (space < 0 || !isLater(stamp, last)) continue;
          last = stamp;
          onLine(Date.parse(stamp), line.slice(space + 1));
        }
      } catch {
        // The connection was lost, as when the node is: it is made again.
      }
      signal.removeEventListener('abort', end);
    }
    await delay(300, undefined, { signal }).catch(() => undefined);
  }
}

function isLater(stamp: string, than: string): boolean {
  const [a, b] = [stamp, than].map((text) => /^(.*?)(?:\.(\d+))?Z?$/.exec(text) ?? []);
  const [aSecond = '', bSecond = ''] = [a?.[1], b?.[1]];
  if (aSecond !== bSecond) return aSecond > bSecond;
  return (a?.[2] ?? '').padEnd(9, '0') > (b?.[2] ?? '').padEnd(9, '0');
}
