import { readFileSync, unwatchFile, watchFile } from 'node:fs';

export interface FileSource<T> {
  /** The parsed content, as of the last change that could be read. */
  readonly current: T;
  close(): void;
}

export interface FileSourceOptions {
  /** How often the file is looked at, in milliseconds. */
  intervalMs?: number;
  onChange?: () => void;
  /** A changed file that can't be read or parsed: the last good content stays in force. */
  onError?: (error: Error) => void;
}

/**
 * A file that is read now, and again whenever it changes. It polls: a Kubernetes Secret volume swaps a symbolic link
 * two folders up, which inotify on the file itself does not see.
 *
 * @throws Error when the file can't be read or parsed at the start; the message names a file that could be read.
 */
export function createFileSource<T>(
  path: string,
  parse: (text: string) => T,
  options: FileSourceOptions = {},
): FileSource<T> {
  const read = (name: string): T => {
    const text = readText(path, name);
    try {
      return parse(text);
    } catch (cause) {
      throw new Error(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  };
  // What is no path may be the secret itself, given in the wrong place: no message repeats it.
  let current = read('the file it names');
  const onStat = () => {
    try {
      current = read(path);
      options.onChange?.();
    } catch (error) {
      options.onError?.(error as Error);
    }
  };
  watchFile(path, { interval: options.intervalMs ?? 1000, persistent: false }, onStat);
  return {
    get current() {
      return current;
    },
    close: () => unwatchFile(path, onStat),
  };
}

function readText(path: string, name: string): string {
  try {
    // Some editors begin a file with a byte order mark, which is no part of the text (RFC 8259, section 8.1).
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new Error(`${name} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
}
