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
  | 'LIMIT' // an upload has all the segments that it may have
  | 'MISSING_OBJECT' // a record names an object that is not in the store
  | 'DELIVERY' // not sealed for this drop box, or decided already
  | 'SIGNATURE'; // a delivery's signature is missing, does not verify, or is nobody's who may deliver

/** An error of the vault. `TAMPERED`, `MISSING_OBJECT` and `SIGNATURE` are integrity errors (exit code 4). */
export class VaultError extends GloveboxError<VaultErrorCode> {}

/** Whether `error` is the store's, with this code. */
export function isStoreError(error: unknown, code: StoreErrorCode): boolean {
  return error instanceof StoreError && error.code === code;
}
