import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toolPath } from '../../k8s/cluster/binaries.ts';
import { runCommand } from '../../k8s/cluster/run-command.ts';
import { requireProgram } from '../support/charts/require-program.ts';

const folder = join(import.meta.dirname, '..', '..', '.github', 'workflows');

test('GitHub takes every workflow, and the shell takes every script in it', async () => {
  const workflows = await readdir(folder);
  expect(workflows).not.toEqual([]);
  const paths = workflows.map((name) => join(folder, name));
  await runCommand(await toolPath('actionlint'), ['-shellcheck', await requireProgram('shellcheck'), ...paths]);
}, 120_000);
