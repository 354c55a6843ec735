import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { type Arm, amrOfEveryUser, inBatches, openPort, rolesOfEveryUser } from './arm.ts';

const names = { issuer: 'https://auth.example', audience: 'bench' };

/** An EdDSA JWT, verified with jose against a key set as services do it. No Redis; nothing can be revoked. */
export async function createArm(): Promise<Arm> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA');
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'EdDSA' }] });
  const app = new Hono();
  app.get('/me', async (c) => {
    const token = c.req.header('authorization')?.replace(/^Bearer /, '');
    if (token === undefined) return c.json({ error: 'unauthenticated' }, 401);
    try {
      const { payload } = await jwtVerify(token, keys, { ...names, algorithms: ['EdDSA'] });
      return c.json({ userId: payload.sub, roles: payload['roles'] });
    } catch {
      return c.json({ error: 'invalid token' }, 401);
    }
  });
  const server = createAdaptorServer({ fetch: app.fetch });
  return {
    listen: () => openPort(server),
    seed: (userIds) =>
      inBatches(userIds, async (userId) => {
        const token = new SignJWT({ roles: rolesOfEveryUser, amr: amrOfEveryUser })
          .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
          .setSubject(userId)
          .setIssuer(names.issuer)
          .setAudience(names.audience)
          .setIssuedAt()
          .setExpirationTime('12h');
        return `authorization: Bearer ${await token.sign(privateKey)}`;
      }),
  };
}
