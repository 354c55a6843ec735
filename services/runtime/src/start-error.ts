/** A start that failed for a reason the operator can mend: the message says which, and is printed without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
