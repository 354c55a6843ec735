import { randomBytes } from 'node:crypto';
import { MOST_SESSIONS_PER_USER } from '../../services/session/src/session-limits.ts';
import type { ArmSettings } from './arms/arm.ts';
import { createSession, openStores } from './arms/holdfast-stores.ts';

const USER_ID = 'user-greedy';
/** How often the greedy user does each thing at the limit before all sessions end. */
const TIMES = 20;

/** A user who has as many sessions as anybody may, and does all that can be done with them, one call after the other. */
export class GreedyUser implements AsyncDisposable {
  readonly #stores: Awaited<ReturnType<typeof openStores>>;
  readonly #key = randomBytes(32);
  #tokens: string[] = [];

  private constructor(stores: Awaited<ReturnType<typeof openStores>>) {
    this.#stores = stores;
  }

  static async open(settings: ArmSettings): Promise<GreedyUser> {
    return new GreedyUser(await openStores(settings, { maxPerUser: MOST_SESSIONS_PER_USER }));
  }

  /** Logs in until the user is at the limit. */
  async fill(): Promise<void> {
    const { total } = await this.#stores.owner.listPage(USER_ID, { limit: 1 });
    for (let count = total; count < MOST_SESSIONS_PER_USER; count += TIMES) {
      await Promise.all(Array.from({ length: TIMES }, () => this.#logIn()));
    }
  }

  /** What the user does at the limit, in this order. After the last of it there are no sessions. */
  readonly deeds: Record<string, () => Promise<void>> = {
    'login, which ends the oldest session': async () => {
      this.#tokens = [];
      for (let time = 0; time < TIMES; time++) this.#tokens.push(await this.#logIn());
    },
    'list of all sessions': async () => {
      for (let time = 0; time < TIMES; time++) await this.#stores.owner.list(USER_ID);
    },
    'rotation, which ends in a new secret': async () => {
      for (const token of this.#tokens) await this.#rotate(await this.#rotate(token));
    },
    'end of all sessions': async () => {
      const ended = await this.#stores.owner.revokeUser(USER_ID, 'signed-out-elsewhere');
      if (ended.length !== MOST_SESSIONS_PER_USER) throw new Error(`the greedy user had ${ended.length} sessions`);
    },
  };

  async #logIn(): Promise<string> {
    return (await createSession(this.#stores.owner, USER_ID)).token;
  }

  /** @returns the successor; asked with that one, Redis puts it in the place of the token */
  async #rotate(token: string): Promise<string> {
    const rotation = await this.#stores.owner.rotate(token, { keys: [this.#key], minAgeMs: 0 });
    if (rotation.outcome === 'kept') return token;
    if (rotation.outcome !== 'rotated') throw new Error(`a session of the greedy user was ${rotation.outcome}`);
    return rotation.token;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stores.sessions.close();
    await this.#stores.owner.close();
  }
}
