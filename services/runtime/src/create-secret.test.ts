import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { createTemporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { createSecret } from './create-secret.ts';

test('a secret from a file is read again when the file is replaced', async () => {
  await using folder = await createTemporaryFolder('secret');
  const path = join(folder.path, 'secret');
  await writeFile(path, 'old\n');
  let changes = 0;
  const secret = createSecret(undefined, path, (text) => text, { intervalMs: 10, onChange: () => changes++ });
  expect(secret.current).toBe('old');
  await writeFile(`${path}.next`, 'new and longer\n');
  await rename(`${path}.next`, path);
  await pollUntil('the new secret', 10_000, () => secret.current === 'new and longer');
  expect(changes).toBeGreaterThan(0);
  secret.close();
});

test('a secret from a variable stays', () => {
  expect(createSecret('value', undefined, (text) => text.length).current).toBe(5);
});
