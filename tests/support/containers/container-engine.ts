import { inject } from 'vitest';

/** What the tests run in containers, under the names that `npm run images` gives them too. */
export const containerImages = ['redis:8', 'valkey/valkey:8'] as const;
export type ContainerImage = (typeof containerImages)[number];

/** What tests/contract/global-setup.ts tells the tests. */
export interface ContainerEngine {
  /** Why containers can't be had here; empty when they can. */
  readonly missing: string;
  /** What testcontainers has to know to use the daemon that this run started; empty for the machine's own. */
  readonly env: Readonly<Record<string, string>>;
}

declare module 'vitest' {
  export interface ProvidedContext {
    containers: ContainerEngine;
  }
}

export function containerEngine(): ContainerEngine {
  const engine = inject('containers') as ContainerEngine | undefined;
  if (engine === undefined)
    throw new Error('this project of vitest.config.ts needs globalSetup: tests/contract/global-setup.ts');
  return engine;
}
