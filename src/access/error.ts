// The errors of the access room.
import { type ErrorDetails, GloveboxError } from '../lib/index.ts';

export type AccessErrorCode =
  | 'POLICY' // a policy document that IAM's grammar does not allow
  | 'LIMIT' // larger, or more work to decide, than is accepted
  | 'REQUEST'; // a request, a target or a grant that makes no sense

export class AccessError extends GloveboxError<AccessErrorCode> {
  /** Where in a policy document, from its root: `['Statement', 2, 'Condition']`. Empty where it is none. */
  readonly path: readonly (string | number)[];

  constructor(code: AccessErrorCode, message: string, details: ErrorDetails & { path?: (string | number)[] } = {}) {
    super(code, message, details);
    this.path = details.path ?? [];
  }
}
