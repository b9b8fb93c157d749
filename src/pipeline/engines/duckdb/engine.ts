// The DuckDB engine: one child process for a run, one pass over the sealed objects for each question.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { columnTypeSql, printRelation, quoteName } from '../../plan/printer.ts';
import { type ColumnType, type NamedExpression, type Relation, ROW_COLUMN } from '../../plan/relation.ts';
import type { AggregateValue, CopyResult, Engine, OutputPart } from '../types.ts';
import { type PassInput, startFeeds } from './feeds.ts';
import { makeFifoFolder, makeFifos } from './fifos.ts';
import { EngineFailureError, type EngineProcess, startEngineProcess } from './process.ts';
import type { Reply, Request, SecretTable } from './protocol.ts';
import type { Isolation } from './sandbox.ts';
import { type CsvDialect, type SourceGroup, sourceSql } from './source.ts';

export interface DuckDbOptions {
  inputs: PassInput[];
  dialect: CsvDialect;
  /** The source's columns that the plan knows, by name. */
  columns: string[];
  secrets: SecretTable[];
  threads: number;
  memoryBytes: number;
  /** Every pass reads at most this many of the first rows. */
  sampleRows?: number;
  /** Called with the plaintext bytes read since the last call. */
  onBytes?: (bytes: number) => void;
}

/** Where a part's bytes go: something that reads the FIFO, seals, and knows when it is whole. */
export interface PartSink {
  /** Starts reading the FIFO at `pipe`; resolves once it reads. */
  start(pipe: string): Promise<void>;
}

export interface DuckDbEngine extends Engine {
  isolation: Isolation;
  /**
   * The final pass: writes `relation` to one FIFO per part. The sinks read them; when this resolves,
   * the engine has said that everything was written. A part to which no row went is written as an
   * empty file with the right columns. `rowsIn` is -1 where this pass could not count it. `counts`:
   * the rows of each part, which must be told for a CSV in parts, because DuckDB cannot tell them.
   */
  copy(
    relation: Relation,
    columns: { name: string; type: ColumnType }[],
    parts: OutputPart[],
    splitColumn: string | null,
    format: 'parquet' | 'csv',
    sinks: PartSink[],
    counts?: Record<string, number>,
  ): Promise<CopyResult>;
  /** From now on a pass reads the input with this index only; null: all again. */
  readOnly(index: number | null): void;
  /** Most memory that the child has had, in bytes. */
  peakBytes(): number;
  /** Kills the child at once: nothing that reads from it sees a clean end that it could trust. */
  kill(): Promise<void>;
  /** Ends the child and removes the FIFOs. */
  close(): Promise<void>;
}

/** The raw rows' place in a relation. */
function sourceOf(relation: Relation): Relation & { kind: 'source' } {
  return relation.kind === 'source' ? relation : sourceOf(relation.input);
}

/** The engine's process, before it knows what to do. */
export interface EngineHost {
  folder: string;
  child: EngineProcess;
  /** Kills the process and removes its FIFOs. Safe to call twice. */
  close(): Promise<void>;
}

/** Starts the engine's process; it gets ready while the caller plans. */
export async function startHost(): Promise<EngineHost> {
  const folder = await makeFifoFolder();
  const child = startEngineProcess(folder);
  const close = async (): Promise<void> => {
    await child.kill();
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, child, close };
}

/** Tells the engine its settings and secrets. @throws EngineFailureError */
export async function startDuckDb(host: EngineHost, options: DuckDbOptions): Promise<DuckDbEngine> {
  const { folder, child } = host;
  const { threads, memoryBytes, secrets } = options;
  await child.ask({ op: 'start', folder, threads, memoryBytes, secrets });
  return {
    ...passes(options, child, folder),
    isolation: child.isolation,
    peakBytes: child.peakBytes,
    close: host.close,
  };
}

function passes(
  options: DuckDbOptions,
  child: EngineProcess,
  folder: string,
): Pick<DuckDbEngine, 'aggregate' | 'materialize' | 'copy' | 'readOnly' | 'kill'> {
  let passNumber = 0;
  let copyNumber = 0;
  let { inputs } = options;

  /**
   * One pass: feeds every object while the engine works on the request that `ask` makes of the
   * relation's SQL. Each pass has FIFOs of its own, so that none can meet the last one's leftovers.
   */
  const pass = async (whole: Relation, ask: (sql: string) => Request): Promise<Reply & { ok: true }> => {
    const relation = options.sampleRows === undefined ? whole : limitSource(whole, options.sampleRows);
    const passFolder = join(folder, `pass${++passNumber}`);
    const pipes = inputs.map((_, index) => join(passFolder, String(index)));
    await makeFifos(pipes);
    const source = sourceOf(relation);
    const sql = printRelation(relation, {
      source: sourceSql(
        groupByHeader(inputs, pipes),
        options.dialect,
        options.columns,
        source.rowNumber ? ROW_COLUMN : undefined,
      ),
    });
    const feeds = startFeeds(inputs, pipes, options.threads + 1, options.onBytes ?? (() => undefined));
    try {
      const reply = await Promise.race([child.ask(ask(sql)), feeds.failed]);
      await feeds.finish(source.limit !== undefined);
      return reply;
    } catch (error) {
      // After its own failure the engine has let go of the pipes and can be asked again; after ours it
      // must die before any pipe closes, or a cut would look like a clean end (I2).
      if (!(error instanceof EngineFailureError)) await child.kill();
      await feeds.stop();
      throw error;
    } finally {
      await rm(passFolder, { recursive: true, force: true });
    }
  };

  return {
    kill: child.kill,
    readOnly(index) {
      inputs = index === null ? options.inputs : options.inputs.slice(index, index + 1);
    },
    async aggregate(input, outputs: NamedExpression[]) {
      const relation: Relation = { kind: 'project', input, columns: outputs };
      const reply = await pass(relation, (sql) => ({ op: 'query', sql }));
      return (reply.rows?.[0] ?? {}) as Record<string, AggregateValue>;
    },
    async materialize(table, input) {
      await pass(input, (sql) => ({ op: 'execute', sql: `CREATE OR REPLACE TEMP TABLE "${table}" AS ${sql}` }));
    },
    async copy(relation, columns, parts, splitColumn, format, sinks, counts) {
      // The quarantine's copy must not meet the output's FIFOs.
      const out = join(folder, `out${++copyNumber}`);
      const place = (part: OutputPart): string =>
        splitColumn === null
          ? join(out, `part_0.${format}`)
          : join(out, `${splitColumn}=${part.split}`, `part_0.${format}`);
      const places = parts.map(place);
      await makeFifos(places);
      for (const [index, sink] of sinks.entries()) await sink.start(places[index] as string);
      const form = format === 'csv' ? 'FORMAT csv, HEADER true' : 'FORMAT parquet';
      const statistics = format === 'parquet' ? ', RETURN_STATS' : '';
      const split = `PARTITION_BY ("${splitColumn}"), OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'part_{i}'${statistics}`;
      const reply = await pass(relation, (sql) => ({
        op: 'copy',
        counted: splitColumn === null,
        sql:
          splitColumn === null
            ? `COPY (${sql}) TO '${places[0]}' (${form}, USE_TMP_FILE false)`
            : `COPY (${sql}) TO '${out}' (${form}, ${split})`,
      }));
      const files = reply.files ?? [];
      const rowsOut = counts ?? rowsOf(files, parts, splitColumn === null ? null : places);
      for (const [index, part] of parts.entries()) {
        if (splitColumn === null || rowsOut[part.split] !== 0) continue;
        const nothing = columns.map(({ name, type }) => `NULL::${columnTypeSql(type)} AS ${quoteName(name)}`);
        const empty = `SELECT ${nothing.join(', ')} WHERE false`;
        await child.ask({ op: 'execute', sql: `COPY (${empty}) TO '${places[index]}' (${form}, USE_TMP_FILE false)` });
      }
      return { rowsIn: reply.rowsIn ?? -1, rowsOut };
    },
  };
}

/** The rows of each part, by the files that DuckDB says it wrote. */
function rowsOf(
  files: { path: string; rows: number }[],
  parts: OutputPart[],
  places: string[] | null,
): Record<string, number> {
  const unknown = places === null ? files.length !== 1 : files.some(({ path }) => !places.includes(path));
  if (unknown) throw new EngineFailureError({ kind: 'engine', name: 'rows outside the parts' });
  const rows = parts.map(({ split }, index): [string, number] => {
    const file = places === null ? files[0] : files.find(({ path }) => path === places[index]);
    return [split, file?.rows ?? 0];
  });
  return Object.fromEntries(rows);
}

/** The same relation over the first rows only. */
function limitSource(relation: Relation, rows: number): Relation {
  if (relation.kind === 'source') return { ...relation, limit: Math.min(rows, relation.limit ?? rows) };
  return { ...relation, input: limitSource(relation.input, rows) };
}

/** Objects that follow one another with the same header are read by one scan. */
function groupByHeader(inputs: PassInput[], pipes: string[]): SourceGroup[] {
  const groups: SourceGroup[] = [];
  for (const [index, input] of inputs.entries()) {
    const last = groups.at(-1);
    const pipe = pipes[index] as string;
    if (last !== undefined && JSON.stringify(last.header) === JSON.stringify(input.header)) last.pipes.push(pipe);
    else groups.push({ header: input.header, pipes: [pipe] });
  }
  return groups;
}
