// The door of lib/: tiny helpers that every room may use.
export { writeFileAtomically } from './atomic-file.ts';
export { type ErrorDetails, failedWrite, GloveboxError, isErrnoError } from './error.ts';
export { ProcessLockError, withProcessLock } from './process-lock.ts';
export { siblingModule } from './sibling-module.ts';
