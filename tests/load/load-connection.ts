import { connect, type Socket } from 'node:net';

export interface HttpReply {
  status: number;
  /** The status line and the headers, as they came. */
  head: string;
  /** From the request's last byte to the reply's; of a request that had to wait for the reply before, from when it was due. */
  tookMs: number;
}

export interface LoadConnectionOptions {
  port: number;
  /** The whole request that follows this reply; undefined when it was the last. */
  next: (reply: HttpReply | undefined) => Buffer | undefined;
  onReply: (reply: HttpReply) => void;
  /** When requests are due; else each is as soon as the one before has its reply. */
  pace?: { firstAtMs: number; everyMs: number } | undefined;
}

/** As long as the slowest request may take. */
const TIMEOUT_MS = 30_000;

/**
 * One connection that has one request under way at a time. Knows no more of HTTP/1.1 than the arms speak, since what the
 * generator costs comes off what it can ask of them.
 *
 * @returns whether each request was answered
 */
export function runConnection({ port, next, onReply, pace }: LoadConnectionOptions): Promise<boolean> {
  return new Promise((resolve) => {
    let sentAtMs = 0;
    let text = '';
    let dueAtMs = pace?.firstAtMs ?? 0;
    const send = (reply: HttpReply | undefined) => {
      const request = next(reply);
      if (request === undefined) return end(true);
      const write = (fromMs: number) => {
        sentAtMs = fromMs;
        if (!socket.destroyed) socket.write(request);
      };
      const nowMs = performance.now();
      if (pace === undefined) return write(nowMs);
      const due = dueAtMs;
      dueAtMs += pace.everyMs;
      if (due <= nowMs) write(due);
      else setTimeout(() => write(performance.now()), due - nowMs);
    };
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    const read = (bytes: number, buffer: Uint8Array) => {
      text += (buffer as Buffer).toString('latin1', 0, bytes);
      const head = takeReply(text);
      if (head === undefined) return true;
      text = '';
      const reply = { status: Number(head.slice(9, 12)), head, tookMs: performance.now() - sentAtMs };
      onReply(reply);
      send(reply);
      return true;
    };
    const socket: Socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: Buffer.allocUnsafe(64 * 1024), callback: read },
    });
    socket.setTimeout(TIMEOUT_MS, () => end(false));
    socket.once('connect', () => send(undefined));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

/**
 * @param text what has come since the request
 * @returns the head of the reply once that is whole
 */
function takeReply(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length) ? head : undefined;
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return text.endsWith('\r\n0\r\n\r\n') ? head : undefined;
  // 204 has no body and no length.
  return head;
}
