// What the planner hands to a step.

import { suggest } from '../../workspace/index.ts';
import { PipelineError, type SpecPath } from '../error.ts';
import type { SqlParser } from '../expression/parser.ts';
import { translateSql } from '../expression/translate.ts';
import type { StepContext } from '../steps/definition.ts';
import type { Check } from './checks.ts';
import type { Column } from './columns.ts';
import { columnsOf } from './expressions.ts';
import { foldName } from './header.ts';
import { RESERVED_PREFIX } from './relation.ts';

/** What grows from step to step. */
export interface StepState {
  columns: Column[];
  checks: Check[];
  parameters: string[];
  /** By source column: what it is used for besides the output. */
  uses: Map<string, Set<string>>;
  parser: SqlParser;
  domains: readonly string[];
}

/** The context of one step; errors point to its place in the pipeline file. */
export function makeStepContext(state: StepState, name: string, label: string, index: number): StepContext {
  const { columns } = state;
  const at = (path: SpecPath = []): SpecPath => ['steps', index, name, ...path];
  const fail: StepContext['fail'] = (message, { code = 'SPEC', hint, path } = {}) => {
    throw new PipelineError(code, `${label}: ${message}`, { path: at(path), hint });
  };
  const columnOrGroup = (wanted: string, path?: SpecPath): Column => {
    const found = columns.find((each) => each.name === wanted);
    if (found !== undefined) return found;
    const hint = suggest(
      wanted,
      columns.map((each) => each.name),
    );
    return fail(`there is no column "${wanted}" here`, { hint, path });
  };
  const single = (wanted: string, path?: SpecPath): Column => {
    const found = columnOrGroup(wanted, path);
    if (found.group !== true) return found;
    return fail(`"${wanted}" was encoded by an earlier step; its columns are known after the fit only`, {
      hint: 'put this step before encode',
      path,
    });
  };
  return {
    label,
    index,
    columns,
    domains: state.domains,
    column: single,
    columnOrGroup,
    newName(wanted, path) {
      const details = { path };
      if (foldName(wanted).startsWith(RESERVED_PREFIX)) {
        fail(`names that begin with ${RESERVED_PREFIX} are reserved`, details);
      }
      if (columns.some((each) => foldName(each.name) === foldName(wanted))) {
        fail(`there is a column "${wanted}" already (letter case does not count)`, details);
      }
    },
    fail,
    async parse(sql, path) {
      try {
        const parsed = await translateSql(sql, (wanted) => single(wanted, path).type, state.parser);
        const reads = [...columnsOf(parsed.expression)].map((wanted) => single(wanted, path));
        return { ...parsed, reads };
      } catch (error) {
        if (!(error instanceof PipelineError) || error.path !== undefined) throw error;
        return fail(error.message, {
          code: error.code,
          path,
          hint: error.hint,
        });
      }
    },
    parameterName(column, what) {
      const plain = `${column}.${what}`;
      const chosen = state.parameters.includes(plain) ? `${plain}.${index + 1}` : plain;
      state.parameters.push(chosen);
      return chosen;
    },
    addCheck(check) {
      return state.checks.push({ ...check, otherwise: 'fail', step: label }) - 1;
    },
    noteUse(read, use) {
      for (const { source } of read.flatMap((each) => each.origins)) {
        state.uses.set(source, new Set([...(state.uses.get(source) ?? []), use]));
      }
    },
  };
}
