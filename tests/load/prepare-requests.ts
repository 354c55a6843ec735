import { readFileSync } from 'node:fs';
import { TLS_HEADER } from './arms/arm.ts';

const prepared = new Map<string, Buffer[]>();

export function toRequest(method: string, path: string, headers: readonly string[]): Buffer {
  const always = Object.entries(TLS_HEADER).map(([name, value]) => `${name}: ${value}`);
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: bench.example', 'Connection: keep-alive', ...always, ...headers];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/** A GET with each line of the file, as bytes that are made once: the generator must cost less than what it measures. */
export function prepareRequests(path: string, file: string): Buffer[] {
  let requests = prepared.get(file);
  if (!requests) {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    requests = lines.map((line) => toRequest('GET', path, [line]));
    prepared.set(file, requests);
  }
  return requests;
}
