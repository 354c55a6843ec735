import type { Scenario } from './scenario.ts';
import { dnsGone } from './scenarios/dns-gone.ts';
import { everythingKilled } from './scenarios/everything-killed.ts';
import { everythingStopped } from './scenarios/everything-stopped.ts';
import { failoversRepeated } from './scenarios/failovers-repeated.ts';
import { nodeCutOff } from './scenarios/node-cut-off.ts';
import { nodeDrained } from './scenarios/node-drained.ts';
import { nodeLost } from './scenarios/node-lost.ts';
import { primaryDeleted } from './scenarios/primary-deleted.ts';
import { primaryEmptied } from './scenarios/primary-emptied.ts';
import { primaryHung } from './scenarios/primary-hung.ts';
import { primaryKilled } from './scenarios/primary-killed.ts';
import { primaryKilledTwice } from './scenarios/primary-killed-twice.ts';
import { primaryVolumeLost } from './scenarios/primary-volume-lost.ts';
import { redisUpgraded } from './scenarios/redis-upgraded.ts';
import { replicaKilled } from './scenarios/replica-killed.ts';
import { replicaLagging } from './scenarios/replica-lagging.ts';
import { replicaLaggingCrash } from './scenarios/replica-lagging-crash.ts';
import { sentinelsKilled } from './scenarios/sentinels-killed.ts';
import { sentinelsLost } from './scenarios/sentinels-lost.ts';
import { servicesRolled } from './scenarios/services-rolled.ts';

/** In the order in which `all` runs them: what breaks least comes first. */
export const allScenarios: readonly Scenario[] = [
  primaryDeleted,
  servicesRolled,
  primaryKilled,
  replicaKilled,
  sentinelsKilled,
  primaryHung,
  replicaLagging,
  replicaLaggingCrash,
  primaryKilledTwice,
  primaryEmptied,
  primaryVolumeLost,
  dnsGone,
  sentinelsLost,
  everythingKilled,
  everythingStopped,
  nodeDrained,
  nodeCutOff,
  nodeLost,
  redisUpgraded,
  failoversRepeated,
];
