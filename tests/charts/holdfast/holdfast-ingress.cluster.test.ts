import { createHash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { picturesFolder } from '../../support/browser/inspect-page.ts';
import { openBrowser } from '../../support/browser/open-browser.ts';
import { signInAs } from '../../support/browser/sign-in.ts';
import { startOtherSite } from '../../support/browser/start-other-site.ts';
import { type Cluster, connectCluster } from '../../support/cluster/connect-cluster.ts';
import { createNamespace } from '../../support/cluster/create-namespace.ts';
import { waitForPod } from '../../support/cluster/wait-for-pod.ts';
import { createCertificate } from '../../support/create-certificate.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { missingCluster } from '../redis-sentinel/cluster-release.ts';
import { askSite, ownAddress, type Site } from './ask-site.ts';
import { findReachable } from './find-reachable.ts';
import { HoldfastRelease, replicated } from './holdfast-release.ts';
import { type IngressController, makeGateway, startIngressController } from './ingress-controller.ts';
import { strangerPod } from './network-matrix.ts';

const reason = await missingCluster();
const host = 'shop.example';
const routedHost = 'shop2.example';
const home = `https://${host}`;

describe.skipIf(reason !== undefined)(
  `the Ingress, by a controller as others run it${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const release = new HoldfastRelease('ingress', 'dev');
    let cluster: Cluster;
    let controller: IngressController;
    let site: Site;
    /** By the HTTPRoute. */
    let routed: Site;
    let alice: { username: string; password: string };

    // A machine that has never built the controller takes minutes for it.
    beforeAll(async () => {
      cluster = connectCluster();
      const { key, certificate } = await createCertificate(host, routedHost);
      await release.kubectl('create', 'namespace', release.namespace);
      controller = await startIngressController(cluster, release);
      await release.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name: 'shop-tls' },
        stringData: { 'tls.crt': certificate, 'tls.key': key },
      });
      await release.apply(makeGateway(controller, 'shop-tls'));
      await release.install(
        ...replicated,
        'exposeInstance=true',
        ...['ingress.enabled=true', `ingress.host=${host}`, 'ingress.tlsSecret=shop-tls'],
        `ingress.className=${controller.className}`,
        ...['httpRoute.enabled=true', `httpRoute.hostnames[0]=${routedHost}`],
        'httpRoute.parentRefs[0].name=gateway',
        `networkPolicy.ingressNamespaces[0]=${controller.namespace}`,
        'trustedProxies=1',
      );
      const secret = `${release.name}-holdfast-demo-users`;
      alice = { username: 'alice', password: await release.secret(secret, 'alice') };
      site = { host, address: controller.address, port: controller.port, ca: certificate };
      routed = { ...site, host: routedHost };
      // The controller learns of Ingress and HTTPRoute, and the nodes of the policies for its pod, a moment later.
      for (const each of [site, routed]) {
        await pollUntil(`both services behind ${each.host}`, 60_000, async () => {
          const answers = [await askSite(each, '/livez'), await askSite(each, '/v1/orders')];
          return answers.map(({ status }) => status).join() === '200,401';
        });
      }
    }, 1_800_000);
    afterAll(async () => {
      for (const each of [release, controller]) await each?.[Symbol.asyncDispose]();
    });

    test('every path of one host leads to its service, and every request to any of its replicas: nothing sticks', async () => {
      await everyPath(site);
    }, 120_000);

    test('an HTTPRoute of the Gateway API does the same', async () => {
      await everyPath(routed);
    }, 120_000);

    test('the cookie comes through as it was set, and the address is that of the connection, whatever the client claims', async () => {
      const { cookie, setCookies } = await signInByForm(site, { 'x-forwarded-for': '203.0.113.9' });
      expect(setCookies[0]).toMatch(
        /^__Host-hf=hf1_[A-Za-z0-9_-]{70}; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
      );
      const { status, body } = await askSite(site, '/v1/session', { headers: { cookie } });
      expect(status).toBe(200);
      expect(JSON.parse(body).session).toMatchObject({ current: true, device: { ip: await ownAddress(site) } });
      expect(await ownAddress(site)).not.toBe(controller.address);
    }, 60_000);

    test('a person signs in, orders, sees their device and signs out, while a pod of each service is deleted', async (context) => {
      await using browser = await openSite(context);
      const { page, context: person } = await browser.visit();
      await signInAs(page, `${home}/orders`, alice);
      for (const cookie of await person.cookies()) {
        expect(cookie).toMatchObject({ domain: host, path: '/', secure: true, httpOnly: true, sameSite: 'Lax' });
      }
      const broken: string[] = [];
      page.on('response', (response) => {
        if (response.status() >= 400) broken.push(`${response.url()}: ${response.status()}`);
      });
      await order(page, 'teapot');
      await keepPicture(page, 'orders');
      await page.getByRole('link', { name: 'Devices' }).click();
      const device = page.getByRole('listitem').filter({ hasText: 'This device' });
      expect(await device.textContent()).toContain(`from the address ${await ownAddress(site)}`);
      await keepPicture(page, 'devices');
      for (const component of ['auth', 'orders']) {
        const pod = await release.pod(component);
        let [clicks, replaced] = [0, false];
        const replace = async () => {
          await release.kubectl('delete', 'pod', pod);
          await release.untilRolledOut(release.deployments);
          replaced = true;
        };
        const goOn = async () => {
          while (!replaced) {
            await order(page, `cup-${component}-${clicks++}`);
            await page.getByRole('link', { name: 'Devices' }).click();
            await device.waitFor();
          }
        };
        await Promise.all([replace(), goOn()]);
        console.log(`${clicks} orders and as many looks at the devices while ${pod} went and another came`);
        expect(clicks).toBeGreaterThan(1);
      }
      await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
      await keepPicture(page, 'signed-out');
      expect(broken).toEqual([]);
      await page.goto(`${home}/orders`);
      expect(new URL(page.url()).pathname).toBe('/auth/sign-in');
    }, 300_000);

    test('a form on another site places no order and signs nobody out', async (context) => {
      await using browser = await openSite(context);
      await using other = await startOtherSite();
      const { page } = await browser.visit();
      await signInAs(page, `${home}/orders`, alice);
      const forms: [action: string, fields: Record<string, string>][] = [
        ['/orders', { sku: 'stolen', quantity: '1', key: crypto.randomUUID() }],
        ['/auth/sign-out', {}],
      ];
      for (const [action, fields] of forms) {
        await page.goto(`http://127.0.0.1:${other.port}/?${new URLSearchParams({ action: home + action, ...fields })}`);
        await page.getByRole('button').click();
        await page.waitForURL(home + action);
        expect(await page.getByRole('heading', { level: 1 }).textContent(), action).toBe('That came from another site');
      }
      await page.goto(`${home}/orders`);
      await page.getByRole('button', { name: 'Place order' }).waitFor();
      expect(await page.content()).not.toContain('stolen');
    }, 120_000);

    test('a pod of a namespace that is not the controller’s gets no connection', async () => {
      await using elsewhere = await createNamespace(cluster, 'elsewhere');
      await elsewhere.apply(strangerPod({ 'holdfast.dev/http-client': 'true' }));
      await waitForPod(cluster, { namespace: elsewhere.name, pod: 'stranger' });
      const podIp = async (component: string) => {
        const address = await release.kubectl(
          ...['get', 'pod', await release.pod(component), '-o', 'jsonpath={.status.podIP}'],
        );
        return { address, port: 8080 };
      };
      const { address, port } = controller;
      const targets = { auth: await podIp('auth'), orders: await podIp('orders'), controller: { address, port } };
      const source = { pod: 'stranger', namespace: elsewhere.name };
      expect(await findReachable(release, source, targets)).toEqual(['controller']);
      expect((await askSite(site, '/livez')).status).toBe(200);
    }, 120_000);

    const everyPath = async (site: Site) => {
      const pods = { auth: await release.pods('auth'), orders: await release.pods('orders') };
      const { cookie } = await signInByForm(site);
      const paths = {
        auth: ['/', '/auth', '/auth/devices', '/v1/session', '/.well-known/jwks.json', '/nothing/orders'],
        orders: ['/orders', '/orders?cursor=', '/v1/orders', '/v1/orders/nothing'],
      };
      for (const service of ['auth', 'orders'] as const) {
        // The controller hears of a pod a moment after it is ready.
        const seen = new Set<unknown>();
        await pollUntil(`every pod of ${service} behind the controller`, 30_000, async () => {
          seen.add(
            (await askSite(site, `/v1/${service === 'auth' ? 'session' : 'orders'}`, { headers: { cookie } })).headers[
              'x-served-by'
            ],
          );
          return pods[service].every((pod) => seen.has(pod));
        });
        const servedBy = new Map<unknown, number>();
        for (let round = 0; round < 6; round++) {
          for (const path of paths[service]) {
            const { status, headers } = await askSite(site, path, { headers: { cookie } });
            const pod = headers['x-served-by'];
            expect(pods[service], path).toContain(pod);
            expect(status, path).toBeLessThan(500);
            expect(headers['set-cookie'], path).toBeUndefined();
            servedBy.set(pod, (servedBy.get(pod) ?? 0) + 1);
          }
        }
        console.log(`${site.host}, ${service}: ${JSON.stringify(Object.fromEntries(servedBy))}`);
        expect([...servedBy.keys()].sort()).toEqual([...pods[service]].sort());
        expect(Math.min(...servedBy.values())).toBeGreaterThan(5);
      }
    };

    const order = async (page: Page, sku: string) => {
      if (new URL(page.url()).pathname !== '/orders') await page.getByRole('link', { name: 'Orders' }).click();
      await page.getByLabel('Article').fill(sku);
      await page.getByRole('button', { name: 'Place order' }).click();
      await page.getByRole('heading', { name: sku }).waitFor();
    };
    const keepPicture = (page: Page, name: string) =>
      page.screenshot({ path: join(picturesFolder, `ingress-${name}.png`), fullPage: true });

    /** A browser that finds the site, and takes its certificate and no other that it can't check. */
    async function openSite(context: TestContext) {
      const { publicKey } = new X509Certificate(site.ca);
      const spki = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }));
      return await openBrowser(context, [
        `--host-resolver-rules=MAP ${host} ${site.address}:${site.port}`,
        `--ignore-certificate-errors-spki-list=${spki.digest('base64')}`,
      ]);
    }

    async function signInByForm(site: Site, headers: Record<string, string> = {}) {
      const answer = await askSite(site, '/auth/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin', ...headers },
        body: new URLSearchParams(alice).toString(),
      });
      expect(answer.status).toBe(303);
      const setCookies = answer.headers['set-cookie'] ?? [];
      return { setCookies, cookie: setCookies[0]?.split(';')[0] ?? '' };
    }
  },
);
