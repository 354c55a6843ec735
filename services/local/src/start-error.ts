/** A start that failed for a reason the user can mend: the message says how, and is printed without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
