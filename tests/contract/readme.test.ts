import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createConfigurationTable } from '../support/configuration-table.ts';

test('the README’s table of variables is what the services read, default and meaning included', () => {
  const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
  expect(readme).toContain(createConfigurationTable());
});
