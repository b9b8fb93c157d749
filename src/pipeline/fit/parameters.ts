// Fitted parameters as inert JSON that gives the same bits back.
import { PipelineError } from '../error.ts';
import type { ColumnType } from '../plan/relation.ts';
import type { FittedValue } from './program.ts';

/** What a pipeline learned: values by parameter name (`amount.median`). */
export interface FittedParameters {
  pipeline: string;
  values: ReadonlyMap<string, FittedValue>;
}

const FORMAT = 'glovebox-fitted-1';
const TYPES: readonly string[] = ['string', 'integer', 'double', 'boolean', 'date', 'timestamp'] satisfies ColumnType[];

/** JSON text. Doubles are written with the shortest digits that give the same double; integers as text. */
export function serializeFitted({ pipeline, values }: FittedParameters): string {
  const written = [...values].map(([name, value]) => {
    if ('categories' in value) return [name, value];
    const plain = typeof value.value === 'bigint' ? value.value.toString() : value.value;
    return [name, { type: value.type, value: plain }];
  });
  return `${JSON.stringify({ format: FORMAT, pipeline, parameters: Object.fromEntries(written) }, undefined, 2)}\n`;
}

/**
 * The parameters in JSON text that `serializeFitted` wrote.
 *
 * @throws PipelineError SPEC when it is something else.
 */
export function parseFitted(json: string): FittedParameters {
  const broken = (): PipelineError =>
    new PipelineError('SPEC', 'the fitted parameters are not in a form that is understood');
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (cause) {
    throw new PipelineError('SPEC', 'the fitted parameters are not JSON', { cause });
  }
  if (!isRecord(document) || document.format !== FORMAT || typeof document.pipeline !== 'string') throw broken();
  if (!isRecord(document.parameters)) throw broken();
  const values = new Map<string, FittedValue>();
  for (const [name, entry] of Object.entries(document.parameters)) {
    const value = isRecord(entry) ? readValue(entry) : undefined;
    if (value === undefined) throw broken();
    values.set(name, value);
  }
  return { pipeline: document.pipeline, values };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readValue(entry: Record<string, unknown>): FittedValue | undefined {
  const { categories, type, value } = entry;
  if (Array.isArray(categories))
    return categories.every((each) => typeof each === 'string') ? { categories } : undefined;
  if (typeof type !== 'string' || !TYPES.includes(type)) return undefined;
  const of = type as ColumnType;
  switch (of) {
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? { type: of, value } : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? { type: of, value } : undefined;
    case 'integer':
      return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? { type: of, value: BigInt(value) } : undefined;
    default:
      return typeof value === 'string' ? { type: of, value } : undefined;
  }
}
