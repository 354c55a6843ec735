export interface FormWords {
  /** Said only where it is certain that nothing was done. Absent where that is never said. */
  notDone?: string;
  /** Said where it may have been done. */
  unsure: { title: string; text: string };
  /** What the button is called that sends a form which was kept. */
  button: string;
  /** The fields that are kept, each with its label where people are shown it. */
  fields: Readonly<Record<string, string | undefined>>;
}

/** Whose page a form was on. Without it a form is not kept until after a sign-in: that may be somebody else's. */
export const OWNER_FIELD = 'owner';
/** That a form was sent before, and nobody knows what came of it: no later page may say that nothing did. */
export const UNCONFIRMED_FIELD = 'unconfirmed';

const unlabelled = { [OWNER_FIELD]: undefined, [UNCONFIRMED_FIELD]: undefined };

/** What people are told of the forms that change something, by the path they are sent to. A map: it has no `__proto__`. */
export const formWords: ReadonlyMap<string, FormWords> = new Map(
  Object.entries<FormWords>({
    '/orders': {
      notDone: 'Your order has not been placed yet',
      unsure: {
        title: 'We couldn’t confirm your order',
        text: 'It may or may not have been placed. Send it again: it is placed only once.',
      },
      button: 'Place order',
      fields: { sku: 'Article', quantity: 'Quantity', key: undefined, ...unlabelled },
    },
    '/auth/devices': {
      notDone: 'The device is not signed out yet',
      unsure: {
        title: 'We couldn’t confirm the sign-out',
        text: 'What you wanted to sign out may still be signed in. Try again: doing it twice does no harm.',
      },
      button: 'Sign out',
      fields: { session: undefined, ...unlabelled },
    },
    '/auth/sign-out': {
      unsure: {
        title: 'We couldn’t confirm that you are signed out',
        text: 'Try again before you leave this device.',
      },
      button: 'Sign out',
      fields: {},
    },
  }),
);
