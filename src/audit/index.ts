// The door of audit/: the log of decisions.
export { AuditError, type AuditErrorCode } from './error.ts';
export { type AuditLog, openAuditLog } from './log.ts';
export type { AuditRecord } from './types.ts';
