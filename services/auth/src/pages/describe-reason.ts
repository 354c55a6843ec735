const reasons = new Map([
  ['session-expired-idle', 'You were signed out because nothing was done for a while.'],
  ['session-expired-absolute', 'You were signed out because you had been signed in for as long as that is allowed.'],
  ['session-revoked', 'You were signed out, here or from another of your devices.'],
  [
    'session-reused',
    'You were signed out to be safe: an old copy of your sign-in was used. If that was not you, change your password.',
  ],
  ['reauthentication-required', 'To go on, please enter your password again.'],
  ['session-unknown', 'Your session is over. Please sign in again.'],
]);

/** What a person is told of why to sign in, by the code of the refusal. Nothing of the link's own gets in. */
export function describeReason(code: string | undefined): string | undefined {
  return code === undefined ? undefined : reasons.get(code);
}
