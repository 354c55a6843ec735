import { HoldfastError } from './holdfast-error.ts';

/** What one call of Redis ended: 1 if it has to be called again, where to go on then, and what it answers of those ended. */
export type EndedStep = [more: number, position: string | number, ended: string[]];

/** Far more than any user has steps: whoever logs in faster than sessions can be ended must not keep this busy for ever. */
const MOST_STEPS = 10_000;

/**
 * Ends sessions in calls that are short each, one after the other.
 *
 * @param start where the first call begins
 * @param onStep what became of each call, as soon as it is known
 * @throws HoldfastError as the call that failed, and says how many had ended before it
 */
export async function endInSteps<T>(
  start: string | number,
  call: (position: string | number) => Promise<EndedStep>,
  read: (ended: string[]) => T[],
  onStep: (ended: T[]) => void = () => {},
): Promise<T[]> {
  const all: T[] = [];
  let position = start;
  for (let step = 0; step < MOST_STEPS; step++) {
    let reply: EndedStep;
    try {
      reply = await call(position);
    } catch (error) {
      throw all.length > 0 && error instanceof HoldfastError ? toPartial(error, all.length) : error;
    }
    const ended = read(reply[2]);
    if (ended.length > 0) onStep(ended);
    all.push(...ended);
    if (reply[0] === 0) return all;
    position = reply[1];
  }
  throw toPartial(
    new HoldfastError('store-unavailable', 'New sessions begin faster than they can be ended.'),
    all.length,
  );
}

const toPartial = (cause: HoldfastError, ended: number) =>
  new HoldfastError(
    cause.code,
    `${ended} ${ended === 1 ? 'session has' : 'sessions have'} ended. Others may still be alive: ask again to end them.`,
    { cause },
  );
