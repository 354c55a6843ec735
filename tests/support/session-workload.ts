import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  askLedgered,
  type LedgeredAnswer,
  type LedgeredSession,
  type LedgeredUser,
  type Question,
  type WorkloadTarget,
} from './ask-ledgered.ts';
import { isConfirmed, isUnserved, Ledger, type LedgerEntry, type Operation } from './ledger.ts';
import { pollUntil } from './poll-until.ts';

export interface WorkloadOptions {
  users: readonly LedgeredUser[];
  auth: readonly WorkloadTarget[];
  /** Services that only validate; a user's orders are `owner-<user id>`. */
  orders: readonly WorkloadTarget[];
  /** How many clients keep one session of each user. */
  keepersPerUser?: number;
  /** How many clients only ask whether the services live: what holds those up is not Redis. */
  pingers?: number;
  /** How many clients exchange a session for JWTs, and use each for a while: also after the keys were rotated. */
  jwtClients?: number;
  /** How many sessions are begun and ended at the same time. */
  cycles?: number;
  /** At least so long from one request of a client to its next, which bounds the rate. */
  paceMs?: number;
  /** The same for those that keep a session or ask whether services live; as `paceMs` where it is left out. */
  keeperPaceMs?: number;
  /** The same for those that use JWTs. */
  jwtPaceMs?: number;
  /** After so long there is no answer; as the product promises where it is left out. */
  patienceMs?: number;
  onEntry?: (entry: LedgerEntry) => void;
}

const PAUSE_MS = 20;
/** Of a user's sessions so many are left alive: with those in use, and logins that nobody heard the answer of, fewer than a user may have. */
const MOST_LEFT = 15;
/** A JWT is used for so long: shorter than it is good for. */
const JWT_USE_MS = 45_000;
/** How often one is used before the next. */
const JWT_USES = 10;
/** Clients that ask at the end after all there was. */
const LAST_LOOKS = 4;

/**
 * Clients that log in, validate at every target of every service, order, and log out of every second session, over and over, and
 * others that keep one session all the while. Every answer goes into the ledger.
 */
export class SessionWorkload {
  readonly ledger: Ledger;
  readonly #options: WorkloadOptions;
  readonly #sessions: LedgeredSession[] = [];
  readonly #orders: { id: string; userId: string }[] = [];
  /** By user id. */
  readonly #kept = new Map<string, LedgeredSession>();
  /** Sessions of each user that nobody ends, the oldest first. */
  readonly #left = new Map<string, LedgeredSession[]>();
  readonly #work: Promise<void>[] = [];
  readonly #ending = new AbortController();
  #turn = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.ledger = new Ledger(options.onEntry);
    setMaxListeners(0, this.#ending.signal);
    const { users, keepersPerUser = 1 } = options;
    const keepers = Array.from({ length: keepersPerUser }, () => users).flat();
    for (const user of keepers) this.#work.push(this.#keepOne(this.#work.length, user));
    const { pingers = 0, jwtClients = 0 } = options;
    for (let client = 0; client < jwtClients; client += 1)
      this.#work.push(this.#useJwts(this.#work.length, users[client % users.length]));
    for (let pinger = 0; pinger < pingers; pinger += 1) this.#work.push(this.#ping(this.#work.length, users[0]));
    // A core hashes about 20 passwords a second.
    for (let cycle = 0; cycle < (options.cycles ?? 3); cycle += 1)
      this.#work.push(this.#cycle(this.#work.length, cycle));
  }

  /** Waits until so many of each operation that began from now on are confirmed. */
  async untilServing(count = 10, timeoutMs = 30_000): Promise<void> {
    const sinceMs = performance.now();
    const operations: Operation[] = ['login', 'validate', 'logout'];
    await pollUntil(`${count} confirmed logins, validations and logouts`, timeoutMs, () =>
      operations.every((operation) => this.ledger.countConfirmed(operation, sinceMs) >= count),
    );
  }

  /** Ends the clients, and asks once more after every session and order there ever was, at each service. */
  async stop(): Promise<Ledger> {
    this.#ending.abort();
    await Promise.all(this.#work);
    const { auth, orders } = this.#options;
    const looks = this.#sessions.flatMap((session) =>
      [auth, orders].map((targets) => (worker: number) => this.#validate(worker, session, targets)),
    );
    for (const { id, userId } of this.#orders) {
      const session = this.#kept.get(userId);
      if (session) looks.push((worker) => this.#findOrder(worker, session, id));
    }
    const { length } = this.#work;
    await Promise.all(Array.from({ length: LAST_LOOKS }, (_, number) => this.#askForSure(length + number, looks)));
    return this.ledger;
  }

  /** Ends the clients without a last look, for a test that has failed. */
  abandon(): void {
    this.#ending.abort();
  }

  async #keepOne(worker: number, user: LedgeredUser): Promise<void> {
    // Hashes of many passwords at once would be more than auth takes.
    await this.#pause(Math.random() * (this.#options.keeperPaceMs ?? 0));
    const session = await this.#logIn(worker, user);
    if (session) this.#kept.set(user.id, session);
    while (session && !this.#stopped) {
      const target = this.#next(this.#everyTarget());
      const { keeperPaceMs } = this.#options;
      await this.#ask({ operation: 'validate', worker, target, session }, keeperPaceMs);
      await this.#pause(PAUSE_MS);
    }
  }

  async #useJwts(worker: number, user: LedgeredUser | undefined): Promise<void> {
    const session = user && (await this.#logIn(worker, user));
    const jwts: { jwt: string; untilMs: number }[] = [];
    while (session && !this.#stopped) {
      const exchange = { operation: 'exchange', worker, target: this.#next(this.#options.auth), session } as const;
      const { jwt } = await this.#ask(exchange, this.#options.jwtPaceMs);
      if (jwt !== undefined) jwts.push({ jwt, untilMs: performance.now() + JWT_USE_MS });
      for (let use = 0; use < JWT_USES && !this.#stopped; use += 1) {
        while (jwts[0] && jwts[0].untilMs < performance.now()) jwts.shift();
        // The oldest and the newest in turn.
        const used = use % 2 === 0 ? jwts[0] : jwts.at(-1);
        if (!used) break;
        const target = this.#next(this.#options.orders);
        await this.#ask({ operation: 'use-jwt', worker, target, session, jwt: used.jwt }, this.#options.jwtPaceMs);
      }
    }
  }

  async #ping(worker: number, user: LedgeredUser | undefined): Promise<void> {
    await this.#pause(Math.random() * (this.#options.keeperPaceMs ?? 0));
    while (user && !this.#stopped) {
      const target = this.#next(this.#everyTarget());
      await this.#ask({ operation: 'ping', worker, target, user }, this.#options.keeperPaceMs);
      await this.#pause(PAUSE_MS);
    }
  }

  async #cycle(worker: number, number: number): Promise<void> {
    const { users, auth } = this.#options;
    for (let round = number; !this.#stopped; round += 1) {
      const user = users[round % users.length];
      const session = user && (await this.#logIn(worker, user));
      if (!session) continue;
      for (const target of this.#everyTarget()) await this.#validate(worker, session, [target]);
      await this.#order(worker, session);
      // Once it is logged out, or that was tried, nobody can tell any more that it was lost before: so every second one of a user is kept.
      while (!this.#stopped && isUnserved({ status: await this.#validate(worker, session, auth) }));
      const ending = Math.floor(round / users.length) % 2 === 1 ? this.#leave(session) : session;
      if (!ending || !(await this.#logOut(worker, ending, auth))) continue;
      for (const target of this.#everyTarget()) await this.#validate(worker, ending, [target]);
    }
  }

  /** @returns the oldest session that was left alive of that user, where this one is one too many */
  #leave(session: LedgeredSession): LedgeredSession | undefined {
    const left = this.#left.get(session.userId) ?? [];
    this.#left.set(session.userId, left);
    return left.push(session) > MOST_LEFT ? left.shift() : undefined;
  }

  /** @returns undefined when the workload was stopped before a login was confirmed */
  async #logIn(worker: number, user: LedgeredUser): Promise<LedgeredSession | undefined> {
    while (!this.#stopped) {
      const target = this.#next(this.#options.auth);
      const { session } = await this.#ask({ operation: 'login', worker, target, user });
      if (session) {
        this.#sessions.push(session);
        return session;
      }
    }
    return undefined;
  }

  /** Places one and looks for it. Without an answer it may be there or not, and nobody asks. */
  async #order(worker: number, session: LedgeredSession): Promise<void> {
    const target = this.#next(this.#options.orders);
    const { entry } = await this.#ask({ operation: 'order', worker, target, session });
    if (!isConfirmed(entry) || entry.orderId === undefined) return;
    this.#orders.push({ id: entry.orderId, userId: session.userId });
    await this.#findOrder(worker, session, entry.orderId);
  }

  async #findOrder(worker: number, session: LedgeredSession, orderId: string): Promise<number | undefined> {
    const target = this.#next(this.#options.orders);
    return (await this.#ask({ operation: 'find-order', worker, target, session, orderId })).entry.status;
  }

  /** Until it is confirmed, or the workload is stopped: then it may have happened or not. */
  async #logOut(worker: number, session: LedgeredSession, targets: readonly WorkloadTarget[]): Promise<boolean> {
    while (!this.#stopped) {
      const { entry } = await this.#ask({ operation: 'logout', worker, target: this.#next(targets), session });
      if (isConfirmed(entry)) return true;
    }
    return false;
  }

  async #validate(
    worker: number,
    session: LedgeredSession,
    targets: readonly WorkloadTarget[],
  ): Promise<number | undefined> {
    const { entry } = await this.#ask({ operation: 'validate', worker, target: this.#next(targets), session });
    return entry.status;
  }

  /** Takes one look after the other until none is left, each until it has an answer. */
  async #askForSure(worker: number, looks: ((worker: number) => Promise<number | undefined>)[]): Promise<void> {
    for (let look = looks.pop(); look !== undefined; look = looks.pop()) {
      const ask = look;
      await pollUntil(
        'an answer about every session and order',
        30_000,
        async () => !isUnserved({ status: await ask(worker) }),
      );
    }
  }

  /** Asks, and lets what is left of the client's pace go by. */
  async #ask(question: Question, clientPaceMs = this.#options.paceMs ?? 0): Promise<LedgeredAnswer> {
    const answer = await askLedgered(this.ledger, question, this.#options.patienceMs);
    const { startedAtMs, endedAtMs } = answer.entry;
    // Not all at once: clients that were held up together would ask together from then on, and leave gaps of their own.
    const jitter = 0.5 + Math.random();
    const paceMs = this.#stopped ? 0 : clientPaceMs * jitter - (endedAtMs - startedAtMs);
    const pauseMs = Math.max(paceMs, isUnserved(answer.entry) ? PAUSE_MS : 0);
    if (pauseMs > 0) await this.#pause(pauseMs);
    return answer;
  }

  get #stopped(): boolean {
    return this.#ending.signal.aborted;
  }

  /** A client that waits for its turn need not be waited for at the end. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#ending;
    await delay(ms, undefined, signal.aborted ? {} : { signal }).catch(() => {});
  }

  #everyTarget(): readonly WorkloadTarget[] {
    return [...this.#options.auth, ...this.#options.orders];
  }

  #next(targets: readonly WorkloadTarget[]): WorkloadTarget {
    this.#turn += 1;
    return targets[this.#turn % targets.length] as WorkloadTarget;
  }
}
