import { readFileSync } from 'node:fs';
import { type CityResponse, Reader } from 'mmdb-lib';

/** Where on earth an address is thought to be, in words. */
export type Places = (address: string) => string | undefined;

/**
 * Places from a file in MaxMind's format, such as GeoLite2 City or DB-IP Lite: nobody is told whose address is looked up.
 *
 * @throws Error when the file can't be read or is no such database
 */
export function createPlaces(path: string): Places {
  const reader = new Reader<CityResponse>(read(path));
  return (address) => {
    const found = reader.get(address);
    const names = [found?.city?.names?.en, found?.country?.names?.en].filter((name) => name !== undefined);
    return names.length === 0 ? undefined : names.join(', ');
  };
}

/** What is no path may be a secret, given in the wrong place: the message does not repeat it. */
function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`the file it names can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
}
