// What can go wrong at the one way to data.
import { GloveboxError } from '../lib/index.ts';
import { StoreError, type StoreErrorCode } from '../store/index.ts';

export type VaultErrorCode =
  | 'ADDRESS' // not a dataset, version or path
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'KIND' // a raw dataset where a derived one is needed, or the other way
  | 'DENIED' // the decision went against the caller
  | 'CONFLICT' // somebody else changed it meanwhile
  | 'TAMPERED' // a record does not verify, or does not belong where it lies
  | 'MISSING_OBJECT'; // a record names an object that is not in the store

/** An error of the vault. `TAMPERED` and `MISSING_OBJECT` are integrity errors (exit code 4). */
export class VaultError extends GloveboxError<VaultErrorCode> {}

/** Whether `error` is the store's, with this code. */
export function isStoreError(error: unknown, code: StoreErrorCode): boolean {
  return error instanceof StoreError && error.code === code;
}
