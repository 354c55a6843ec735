import type { ServiceEnv } from '@holdfast/runtime';

export interface PageVariables {
  /** The instance's name, where pages may tell it. */
  servedBy?: string;
  /** Where a form that failed is begun anew, if that is not its path alone. */
  retryPath?: string;
  /** The fields of a form that may safely be sent once more, for the error page to keep. To be set before anything is asked. */
  formFields?: Readonly<Record<string, string>>;
}

export type PageEnv = ServiceEnv<PageVariables>;
