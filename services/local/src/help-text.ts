import { layoutVariables } from './platform-layout.ts';

export function helpText(): string {
  const variables = Object.values(layoutVariables).map(
    ({ variable, ports, about }) => `  ${variable.padEnd(30)} ${about} (${ports.join(',')})`,
  );
  return `npm start              Redis with Sentinel, PostgreSQL, auth, orders and their pages on this machine, until Ctrl-C
npm start -- --demo    the same, then kills one auth, one orders and the Redis primary, shows that a session
                       outlives each, and stops; exit code 0 only if nothing was lost

Environment variables, with what holds without them:
${variables.join('\n')}
  ${'HOLDFAST_STATE_DIR'.padEnd(30)} passwords, keys, users and data (.holdfast); remove it to begin anew
Variables of the services (LOG_LEVEL, SESSION_*, LOGIN_*, OTEL_*) are passed on to them.`;
}
