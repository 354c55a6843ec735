import { setTimeout as delay } from 'node:timers/promises';
import type { DemoUser } from '../../services/local/src/platform-state.ts';
import { askLedgered, type LedgeredSession, type WorkloadTarget } from './ask-ledgered.ts';
import { isConfirmed, Ledger, type Operation } from './ledger.ts';
import { pollUntil } from './poll-until.ts';

export interface WorkloadOptions {
  users: readonly Pick<DemoUser, 'id' | 'username' | 'password'>[];
  auth: readonly WorkloadTarget[];
  /** Services that only validate; a user's orders are `owner-<user id>`. */
  orders: readonly WorkloadTarget[];
}

/** How many sessions are begun and ended at the same time; a core hashes about 20 passwords a second. */
const CYCLES = 3;
const PAUSE_MS = 20;

/**
 * Clients that log in, validate at every replica of every service, and log out, over and over, and others that keep one
 * session all the while. Every answer goes into the ledger.
 */
export class SessionWorkload {
  readonly ledger = new Ledger();
  readonly #options: WorkloadOptions;
  readonly #sessions: LedgeredSession[] = [];
  readonly #work: Promise<void>[] = [];
  #stopped = false;
  #turn = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    for (const user of options.users) this.#work.push(this.#keepOne(user));
    for (let cycle = 0; cycle < CYCLES; cycle += 1) this.#work.push(this.#cycle(cycle));
  }

  /** Waits until so many of each operation that began from now on are confirmed. */
  async untilServing(count = 10, timeoutMs = 30_000): Promise<void> {
    const sinceMs = performance.now();
    const operations: Operation[] = ['login', 'validate', 'logout'];
    await pollUntil(`${count} confirmed logins, validations and logouts`, timeoutMs, () =>
      operations.every((operation) => this.ledger.countConfirmed(operation, sinceMs) >= count),
    );
  }

  /** Ends the clients, and asks once more after every session there ever was, at each service. */
  async stop(): Promise<Ledger> {
    this.#stopped = true;
    await Promise.all(this.#work);
    for (const session of this.#sessions) {
      for (const targets of [this.#options.auth, this.#options.orders]) await this.#validateForSure(session, targets);
    }
    return this.ledger;
  }

  /** Ends the clients without a last look, for a test that has failed. */
  abandon(): void {
    this.#stopped = true;
  }

  async #keepOne(user: WorkloadOptions['users'][number]): Promise<void> {
    const session = await this.#logIn(user);
    while (session && !this.#stopped) {
      await this.#validate(session, this.#everyTarget());
      await delay(PAUSE_MS);
    }
  }

  async #cycle(number: number): Promise<void> {
    const { users, auth } = this.#options;
    for (let round = number; !this.#stopped; round += 1) {
      const user = users[round % users.length];
      const session = user && (await this.#logIn(user));
      if (!session) continue;
      for (const target of this.#everyTarget()) await this.#validate(session, [target]);
      if (!(await this.#logOut(session, auth))) continue;
      for (const target of this.#everyTarget()) await this.#validate(session, [target]);
    }
  }

  /** @returns undefined when the workload was stopped before a login was confirmed */
  async #logIn(user: WorkloadOptions['users'][number]): Promise<LedgeredSession | undefined> {
    while (!this.#stopped) {
      const { session } = await askLedgered(this.ledger, 'login', this.#next(this.#options.auth), { user });
      if (session) {
        this.#sessions.push(session);
        return session;
      }
      await delay(PAUSE_MS);
    }
    return undefined;
  }

  /** Until it is confirmed, or the workload is stopped: then it may have happened or not. */
  async #logOut(session: LedgeredSession, targets: readonly WorkloadTarget[]): Promise<boolean> {
    while (!this.#stopped) {
      const { entry } = await askLedgered(this.ledger, 'logout', this.#next(targets), { session });
      if (isConfirmed(entry)) return true;
      await delay(PAUSE_MS);
    }
    return false;
  }

  async #validate(session: LedgeredSession, targets: readonly WorkloadTarget[]): Promise<number | undefined> {
    const { entry } = await askLedgered(this.ledger, 'validate', this.#next(targets), { session });
    if (entry.status === undefined || entry.status === 503) await delay(PAUSE_MS);
    return entry.status;
  }

  async #validateForSure(session: LedgeredSession, targets: readonly WorkloadTarget[]): Promise<void> {
    await pollUntil(`an answer about session ${session.id}`, 30_000, async () => {
      const status = await this.#validate(session, targets);
      return status !== undefined && status !== 503;
    });
  }

  #everyTarget(): readonly WorkloadTarget[] {
    return [...this.#options.auth, ...this.#options.orders];
  }

  #next(targets: readonly WorkloadTarget[]): WorkloadTarget {
    this.#turn += 1;
    return targets[this.#turn % targets.length] as WorkloadTarget;
  }
}
