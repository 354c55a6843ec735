import type { TestProject } from 'vitest/node';
import { installPrograms } from '../../k8s/cluster/debian-packages.ts';
import type { TestBrowserState } from '../support/browser/open-browser.ts';

/** Installs Debian's Chromium where it is missing and that is ours to do; else the tests are skipped with the reason. */
export async function setup(project: TestProject): Promise<void> {
  project.provide('browser', await findBrowser());
}

async function findBrowser(): Promise<TestBrowserState> {
  try {
    await installPrograms(['chromium']);
    return { missing: '' };
  } catch (error) {
    return { missing: `no Chromium: ${(error as Error).message.replace(/\s*\n\s*/g, ' ')}` };
  }
}
