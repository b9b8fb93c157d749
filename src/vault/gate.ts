// The one place through which every use of data passes: here access will be decided and logged (I4).
// Until roles are enforced it allows everything and says so to whoever asks.

export type Action = 'read' | 'write' | 'list' | 'delete' | 'rename' | 'approve';

export interface Decision {
  allowed: boolean;
  reason: string;
}

/** Decides whether the caller may do `action` on `dataset`. Roles are not enforced yet. */
export function decide(_action: Action, _dataset: string): Decision {
  return { allowed: true, reason: 'roles are not enforced yet' };
}
