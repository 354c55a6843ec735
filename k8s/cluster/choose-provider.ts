import { kindProvider } from './kind/kind-provider.ts';
import { nativeProvider } from './native/native-provider.ts';
import type { ClusterProvider } from './provider.ts';

const providers: readonly ClusterProvider[] = [nativeProvider, kindProvider];

/** The asked-for provider; else the one whose cluster is there; else the first that this machine can run. */
export async function chooseProvider(asked?: string): Promise<ClusterProvider> {
  if (asked !== undefined) {
    const found = providers.find((provider) => provider.name === asked);
    if (found === undefined)
      throw new Error(`no provider ${asked}: it is one of ${providers.map((each) => each.name).join(', ')}`);
    const missing = await found.missing();
    if (missing.length > 0) throw new Error(reasons(found, missing));
    return found;
  }
  const existing = await existingProvider();
  if (existing !== undefined) return existing;
  const refusals: string[] = [];
  for (const provider of providers) {
    const missing = await provider.missing();
    if (missing.length === 0) return provider;
    refusals.push(reasons(provider, missing));
  }
  throw new Error(`this machine can run no cluster.\n${refusals.join('\n')}`);
}

export async function existingProvider(): Promise<ClusterProvider | undefined> {
  for (const provider of providers) {
    if (await provider.exists()) return provider;
  }
  return undefined;
}

function reasons(provider: ClusterProvider, missing: readonly string[]): string {
  return `provider ${provider.name}:\n${missing.map((line) => `  - ${line}`).join('\n')}`;
}
