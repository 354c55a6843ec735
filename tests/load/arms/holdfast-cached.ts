import type { Arm, ArmSettings } from './arm.ts';
import { createHoldfastArm } from './holdfast.ts';

/** The same with the local cache at its longest: Redis tells what changes. */
export function createArm(settings: ArmSettings): Promise<Arm> {
  return createHoldfastArm(settings, { localCacheMs: 60_000 });
}
