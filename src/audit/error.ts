// What can go wrong with the audit log.
import { GloveboxError } from '../lib/index.ts';

export type AuditErrorCode =
  | 'WRITE' // it takes no record: what was to be recorded must not happen
  | 'FORM'; // a line is no record

export class AuditError extends GloveboxError<AuditErrorCode> {}
