// The door of lib/: tiny helpers that every room may use.
export { writeFileAtomically } from './atomic-file.ts';
export { GloveboxError, isErrnoError } from './error.ts';
export { siblingModule } from './sibling-module.ts';
