import { expect, test } from 'vitest';
import { runCommand } from '../../k8s/cluster/run-command.ts';
import { requireSchemathesis } from '../support/schemathesis.ts';
import { startServices } from '../support/start-services.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

/** What ends the session that the requests are sent with; tests/contract/openapi.test.ts sends those too. */
const ending = ['logOut', 'endSessions', 'signOut', 'signOutDevice'];

const excludedChecks = [
  // A query that a page does not know, and a field that a login does not have, are ignored.
  'negative_data_rejection',
  // What has the right shape may be refused all the same: two credentials, an audience that there is not.
  'positive_data_acceptance',
  // It takes the session that it is given for all requests for its own.
  'ignored_auth',
];

test('Schemathesis finds nothing that the running services do otherwise than their OpenAPI documents say', async (context) => {
  const program = await requireSchemathesis().catch((error: Error) =>
    context.skip(`no Schemathesis: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`),
  );
  await using folder = await createTemporaryFolder('schemathesis');
  await using services = await startServices();
  const login = await fetch(`${services.auth.url}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...services.users[0], transport: 'bearer' }),
  });
  expect(login.status).toBe(201);
  const { token } = (await login.json()) as { token: string };
  for (const service of [services.auth, services.orders]) {
    const said = await runCommand(
      program,
      [
        ...['run', `${service.url}/openapi.json`, '--phases', 'coverage,fuzzing', '--max-examples', '10'],
        ...['--max-redirects', '0', '--continue-on-failure', '--no-color', '--suppress-health-check', 'all'],
        ...['-H', `authorization: Bearer ${token}`, '-H', 'sec-fetch-site: same-origin'],
        ...['--exclude-checks', excludedChecks.join()],
        ...(service === services.auth ? ending.flatMap((id) => ['--exclude-operation-id', id]) : []),
      ],
      { cwd: folder.path, env: { ...process.env, HOME: folder.path } },
    );
    expect(said).toMatch(/\d+ generated, \d+ passed/);
  }
}, 400_000);
