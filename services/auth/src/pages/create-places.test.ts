import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTemporaryFolder } from '../../../../tests/support/temporary-folder.ts';
import { writeMmdb } from '../../../../tests/support/write-mmdb.ts';
import { createPlaces } from './create-places.ts';
import { describePlace } from './describe-place.ts';

test('names the place of an address, as far as the database knows it', async () => {
  await using folder = await createTemporaryFolder('places');
  const path = join(folder.path, 'places.mmdb');
  await writeMmdb(path, {
    '203.0.113': { city: { names: { en: 'Lisbon' } }, country: { names: { en: 'Portugal' } } },
    '198.51.100': { country: { names: { en: 'Iceland' } } },
    '10.0.0': { country: { names: { en: 'Nowhere' } } },
  });
  const places = createPlaces(path);
  expect(describePlace('203.0.113.9', places)).toBe('Lisbon, Portugal (203.0.113.9)');
  expect(describePlace('198.51.100.1', places)).toBe('Iceland (198.51.100.1)');
  expect(describePlace('192.0.2.1', places)).toBe('the address 192.0.2.1');
  expect(describePlace('2001:db8::1', places)).toBe('the address 2001:db8::1');
  expect(describePlace('10.0.0.1', places)).toBe('a private network (10.0.0.1)');
});

test('refuses a file that is no such database', async () => {
  await using folder = await createTemporaryFolder('places');
  const path = join(folder.path, 'places.mmdb');
  await writeFile(path, 'no database');
  expect(() => createPlaces(path)).toThrow();
  expect(() => createPlaces(join(folder.path, 'missing'))).toThrow(/ENOENT/);
});
