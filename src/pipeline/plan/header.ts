// Matches a source's header with the declared columns, by name.

import { suggest } from '../../workspace/index.ts';
import { PipelineError } from '../error.ts';
import type { PipelineSpec } from '../spec.ts';
import { RESERVED_PREFIX } from './relation.ts';

/** The form in which names are compared for collisions: engines do not tell upper from lower case. */
export const foldName = (name: string): string => name.toLowerCase();

/**
 * The declared columns in the header's order, and the names that are not read. `source` names the
 * header's object in messages. A first line that names less than half of the declared columns may be
 * data, not a header: its words are not quoted then (I1).
 *
 * @throws PipelineError COLUMN when a declared column is missing, a name occurs twice (letter case
 *   ignored), is empty or begins with `glovebox_`, or is not declared and `undeclared` says refuse.
 */
export function matchHeader(
  spec: PipelineSpec,
  header: readonly string[],
  source = 'the source',
): { sourceColumns: string[]; ignoredColumns: string[] } {
  const declared = Object.keys(spec.columns);
  const present = declared.filter((name) => header.includes(name)).length;
  if (present * 2 < declared.length) {
    throw new PipelineError(
      'COLUMN',
      `the first line of ${source} names ${present} of the ${declared.length} declared columns`,
      {
        hint: 'a CSV object begins with a line of column names; check it, and source.csv.delimiter',
      },
    );
  }
  const seen = new Map<string, string>();
  for (const [i, name] of header.entries()) {
    if (name === '') throw new PipelineError('COLUMN', `column ${i + 1} of ${source} has no name`);
    const twin = seen.get(foldName(name));
    if (twin !== undefined) {
      const how = twin === name ? '' : ' (names that differ in letter case only are one name)';
      throw new PipelineError('COLUMN', `${source} has the column "${name}" twice${how}`);
    }
    seen.set(foldName(name), name);
  }
  for (const name of [...header, ...declared]) {
    if (foldName(name).startsWith(RESERVED_PREFIX)) {
      throw new PipelineError(
        'COLUMN',
        `the column name "${name}" is reserved: names that begin with ${RESERVED_PREFIX} are`,
      );
    }
  }
  const missing = declared.filter((name) => !header.includes(name));
  const ignoredColumns = header.filter((name) => spec.columns[name] === undefined);
  if (missing.length > 0) {
    const names = missing.map((name) => `"${name}"`).join(', ');
    throw new PipelineError(
      'COLUMN',
      `${source} lacks ${missing.length === 1 ? 'the column' : 'the columns'} ${names}`,
      {
        hint: suggest(missing[0] ?? '', ignoredColumns.length > 0 ? ignoredColumns : header),
      },
    );
  }
  if (ignoredColumns.length > 0 && spec.undeclared === 'refuse') {
    const names = ignoredColumns.map((name) => `"${name}"`).join(', ');
    throw new PipelineError('COLUMN', `${source} has ${names}, which the pipeline does not declare`, {
      hint: 'declare what it is, or say "undeclared: drop"',
    });
  }
  return { sourceColumns: header.filter((name) => spec.columns[name] !== undefined), ignoredColumns };
}
