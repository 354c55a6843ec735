import type { ParsedSessionToken, SessionStore } from '@holdfast/session';

/**
 * Those of a browser's session tokens that are alive. One alone is taken for it, unasked: there is nothing to choose.
 *
 * @param userId whose they must be; by default anybody's
 * @throws HoldfastError `store-unavailable`: a store that can't tell about one of them can't tell which counts
 */
export async function findLive(
  sessions: SessionStore,
  tokens: readonly ParsedSessionToken[],
  userId?: string,
): Promise<ParsedSessionToken[]> {
  if (tokens.length < 2) return [...tokens];
  const validations = await Promise.all(tokens.map((token) => sessions.validate(token)));
  return tokens.filter((_, index) => {
    const validation = validations[index];
    return validation?.outcome === 'active' && (userId === undefined || validation.session.userId === userId);
  });
}
