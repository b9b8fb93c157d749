// What workspace/ raises. All of it is a mistake in what the user wrote, or where they stand: exit code 2.
import { type ErrorDetails, GloveboxError } from '../lib/index.ts';

/**
 * - `NO_WORKSPACE`: no `glovebox.yaml` here, nor above.
 * - `SYNTAX`: not a text file, not YAML, or YAML that is not taken (aliases, tags, too deep, too long).
 * - `SCHEMA`: a key or a value that does not belong there, or is missing.
 * - `REFERENCE`: a name of something that is not declared.
 * - `NOT_IMPLEMENTED`: valid, but this version cannot do it yet.
 * - `EXISTS`: `init` where there is a workspace already.
 * - `IO`: the operating system would not read or write a file.
 */
export type WorkspaceErrorCode =
  | 'NO_WORKSPACE'
  | 'SYNTAX'
  | 'SCHEMA'
  | 'REFERENCE'
  | 'NOT_IMPLEMENTED'
  | 'EXISTS'
  | 'IO';

/** A place in a text file; line and column count from 1, the column in UTF-16 units. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** The message begins with `file:line:column: ` where there is a position. */
export class WorkspaceError extends GloveboxError<WorkspaceErrorCode> {
  readonly position: Position | undefined;

  constructor(code: WorkspaceErrorCode, message: string, details: ErrorDetails & { position?: Position } = {}) {
    const { position } = details;
    super(code, position ? `${position.file}:${position.line}:${position.column}: ${message}` : message, details);
    this.position = position;
  }
}
