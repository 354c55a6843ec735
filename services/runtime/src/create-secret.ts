import { createFileSource, type FileSource, type FileSourceOptions } from '@holdfast/session';

/**
 * The value of a pair `NAME`, `NAME_FILE` that {@link parseConfig} accepted: fixed, or read again whenever the file
 * changes. `parse` gets the text without the line end that editors and `echo` leave.
 *
 * @throws Error when the file can't be read at the start
 */
export function createSecret<T>(
  value: string | undefined,
  path: string | undefined,
  parse: (text: string) => T,
  options: FileSourceOptions = {},
): FileSource<T> {
  if (path !== undefined) return createFileSource(path, (text) => parse(text.trim()), options);
  if (value === undefined) throw new Error('neither a value nor a file was given');
  return { current: parse(value), close: () => {} };
}
