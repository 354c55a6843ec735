/**
 * Where single sign-on begins.
 *
 * @param maxAge how long ago the person may have proved who they are, in seconds
 */
export function singleSignOnPath(returnTo: string | undefined, maxAge: number | undefined): string {
  const query = new URLSearchParams({
    ...(returnTo === undefined ? {} : { return_to: returnTo }),
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
  });
  return `/auth/oidc/login${query.size === 0 ? '' : `?${query}`}`;
}
