import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onPath } from './on-path.ts';

const DEBIAN_FOLDER = '/usr/lib/postgresql';

/**
 * The folder with PostgreSQL's programs, which Debian keeps out of PATH in one folder for each major version.
 *
 * @param version of the data that is there already: only the same major version can read it
 */
export function findPostgresPrograms(version?: string): string {
  const installed = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  const newestFirst = installed.sort((a, b) => Number(b) - Number(a)).map((name) => join(DEBIAN_FOLDER, name, 'bin'));
  const usable = newestFirst.filter((folder) => existsSync(join(folder, 'postgres')));
  if (version !== undefined) {
    const same = usable.find((folder) => folder === join(DEBIAN_FOLDER, version, 'bin'));
    if (same) return same;
  }
  const inPath = onPath('postgres');
  // Only some of them may be linked there.
  const found = inPath === undefined ? usable[0] : dirname(realpathSync(inPath));
  if (found === undefined) {
    throw new Error(
      'PostgreSQL was not found: install it (on Debian `apt-get install postgresql`) or put `postgres` into PATH.',
    );
  }
  return found;
}
