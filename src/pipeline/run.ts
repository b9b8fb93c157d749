// One run: plan, fit, transform, quarantine, publish. Everything appears at the end, or nothing does (I3).
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Vault, VersionDraft } from '../vault/index.ts';
import { type DuckDbEngine, type EngineHost, startDuckDb, startHost } from './engines/duckdb/engine.ts';
import type { SecretTable } from './engines/duckdb/protocol.ts';
import { PipelineError } from './error.ts';
import { explainBreach, explainFailure, isBrokenRule } from './failures.ts';
import { type FitOutcome, fitPipeline } from './fit/fit.ts';
import { type FittedParameters, serializeFitted } from './fit/parameters.ts';
import { type LoadedPipeline, loadPipeline } from './load.ts';
import { countSplits, quarantineOutput } from './outputs.ts';
import { diagnoseFailure } from './plan/contract.ts';
import type { Relation } from './plan/relation.ts';
import { transformRelation } from './plan/transform.ts';
import type { RunOptions, RunProgress, RunReport } from './run-types.ts';
import { domainSecretTable, splitSecretTable } from './secrets.ts';
import { unencryptedSwap } from './swap.ts';

const DEFAULT_MEMORY_BYTES = 1e9;
/** Steps that need memory by their nature (I6). */
const MEMORY_STEPS = new Set(['deduplicate', 'impute', 'encode']);
/** The fitted parameters' object in a version. */
export const FITTED_PATH = 'fitted-parameters.json';

/**
 * Runs the pipeline `name` of the vault's workspace and publishes a version of its output dataset.
 *
 * @throws PipelineError: `HOST` (unencrypted swap), `COLUMN`, `CONTRACT`, `FIT` (the data), `LIMIT`,
 *   `ENGINE`, and those of planning; SealError and VaultError where an object does not verify (I2);
 *   the signal's reason when it was aborted. Nothing is published then.
 */
export async function runPipeline(vault: Vault, name: string, options: RunOptions = {}): Promise<RunReport> {
  const started = performance.now();
  const swap = unencryptedSwap();
  if (swap.length > 0 && options.allowSwap !== true) {
    throw new PipelineError(
      'HOST',
      `this host has unencrypted swap (${swap.join(', ')}): plaintext could reach a disk`,
      {
        hint: 'turn it off (swapoff) or encrypt it; or say --allow-swap, which is recorded with the version',
      },
    );
  }
  const host = await startHost();
  const drafts: VersionDraft[] = [];
  // Only kills: the folder may be in use until everything has unwound.
  const stop = (): void => void host.child.kill();
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    options.signal?.throwIfAborted();
    const loaded = await loadPipeline(vault, name);
    requireRows(loaded);
    const progress = trackProgress(loaded, options);
    const run = newRunId();
    // Before a row is read: whoever may not write learns it here.
    const { output, quarantine: rejects } = loaded.plan.spec;
    const draft = vault.draft(output.dataset, run);
    const rejected = rejects === undefined ? undefined : vault.draft(rejects, run);
    drafts.push(draft, ...(rejected === undefined ? [] : [rejected]));
    const engine = await startEngine(host, vault, loaded, options, progress.onBytes);
    const work: Work = { vault, loaded, engine, run, options, draft, rejected, drafts, progress };
    const outcome = await explaining(work, null, () => fitPipeline(loaded.plan, engine));
    const { written, quarantined } = await explaining(work, outcome.fitted, async () => ({
      written: await transform(work, outcome),
      quarantined: await quarantine(work, outcome),
    }));
    const report = makeReport(work, outcome, written, quarantined, performance.now() - started, swap.length > 0);
    options.signal?.throwIfAborted();
    if (report.published) await publish(work, report, written, quarantined);
    return report;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
    // The engine dies before its pipes are let go of: a cut never looks like an end (I2).
    await host.close();
    for (const draft of drafts) await draft.abort();
  }
}

interface Work {
  vault: Vault;
  loaded: LoadedPipeline;
  engine: DuckDbEngine;
  run: string;
  options: RunOptions;
  /** Of the output. */
  draft: VersionDraft;
  /** Of the quarantine. */
  rejected: VersionDraft | undefined;
  /** Both. */
  drafts: readonly VersionDraft[];
  progress: ProgressTracker;
}

interface Written {
  draft: VersionDraft;
  rowsIn: number;
  rowsOut: Record<string, number>;
}

function requireRows({ plan, inputs, objects }: LoadedPipeline): void {
  const { dataset, objects: glob } = plan.spec.source;
  if (objects.length === 0) {
    throw new PipelineError('CONTRACT', `${dataset} has no object that matches ${glob}`, {
      hint: `put one with: glovebox put FILE ${dataset}/NAME`,
    });
  }
  if (inputs.length === 0) {
    const which =
      objects.length === 1 ? `${dataset}/${objects[0]?.path} has` : `the ${objects.length} objects of ${dataset} have`;
    throw new PipelineError('CONTRACT', `${which} a header and no rows`, { hint: 'put the file again with its rows' });
  }
}

/** Sorts by time, to the millisecond; unique. */
function newRunId(): string {
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  return `${time}-${randomBytes(4).toString('hex')}`;
}

const memoryOf = (vault: Vault, options: RunOptions): number =>
  options.memoryBytes ?? vault.workspace.engine.memoryBytes ?? DEFAULT_MEMORY_BYTES;

async function startEngine(
  host: EngineHost,
  vault: Vault,
  { name, plan, inputs }: LoadedPipeline,
  options: RunOptions,
  onBytes: (bytes: number) => void,
): Promise<DuckDbEngine> {
  const secrets: SecretTable[] = [];
  for (const secret of plan.secrets) {
    const bytes = await vault.secret(secret.replace(':', '-'), name);
    const domain = secret.slice('domain:'.length);
    secrets.push(secret === 'split' ? splitSecretTable(bytes) : domainSecretTable(domain, bytes));
    bytes.fill(0);
  }
  return startDuckDb(host, {
    inputs,
    dialect: plan.spec.source.csv,
    columns: plan.sourceColumns,
    secrets,
    threads: options.threads ?? vault.workspace.engine.threads ?? availableParallelism(),
    memoryBytes: memoryOf(vault, options),
    onBytes,
    ...(options.sampleRows === undefined ? {} : { sampleRows: options.sampleRows }),
  });
}

async function transform(work: Work, { fitted, contract }: FitOutcome): Promise<Written> {
  const { plan } = work.loaded;
  const { draft } = work;
  const { format } = plan.spec.output;
  const built = transformRelation(plan, fitted);
  const splits = built.splitColumn === null ? ['all'] : (plan.split?.parts ?? []).map((part) => part.name);
  // DuckDB cannot tell how many rows went into each part of a CSV: they are counted beforehand.
  const counted =
    format === 'csv' && built.splitColumn !== null ? await countSplits(work.engine, built, splits) : undefined;
  work.progress.begin('transform');
  const paths = splits.map((split) => `${split}.${format}`);
  const sinks = paths.map((path) => ({ start: (pipe: string) => draft.drain(path, pipe) }));
  const parts = splits.map((split) => ({ split }));
  const copied = await work.engine.copy(
    built.relation,
    built.columns,
    parts,
    built.splitColumn,
    format,
    sinks,
    counted,
  );
  for (const path of paths) {
    if (!(await draft.finish(path))) throw new PipelineError('ENGINE', `the engine wrote nothing to ${path}`);
  }
  await draft.putJson(FITTED_PATH, JSON.parse(serializeFitted(fitted)));
  const known = contract?.rowsIn ?? copied.rowsIn;
  return { draft, rowsIn: known >= 0 ? known : await countRows(work, copied.rowsOut), rowsOut: copied.rowsOut };
}

/** Rows of the source, where no pass has told them: what was written, or one pass more. */
async function countRows({ engine, loaded: { plan } }: Work, rowsOut: Record<string, number>): Promise<number> {
  if (plan.steps.every(({ operation }) => operation.kind === 'project')) {
    return Object.values(rowsOut).reduce((total, rows) => total + rows, 0);
  }
  const source: Relation = { kind: 'source', columns: plan.sourceColumns.slice(0, 1), rowNumber: false };
  const { rows } = await engine.aggregate(source, [
    { name: 'rows', expression: { kind: 'aggregate', function: 'count', args: [] } },
  ]);
  return Number(rows);
}

async function quarantine(work: Work, { contract }: FitOutcome): Promise<Written | null> {
  const { plan } = work.loaded;
  const draft = work.rejected;
  if (contract === null || contract.quarantined === 0 || draft === undefined) return null;
  work.progress.begin('quarantine');
  const { relation, columns } = quarantineOutput(plan);
  const { format } = plan.spec.output;
  const path = `quarantined.${format}`;
  const sinks = [{ start: (pipe: string) => draft.drain(path, pipe) }];
  const copied = await work.engine.copy(relation, columns, [{ split: 'all' }], null, format, sinks);
  if (!(await draft.finish(path))) throw new PipelineError('ENGINE', `the engine wrote nothing to ${path}`);
  return { draft, ...copied };
}

function makeReport(
  work: Work,
  { contract, passes }: FitOutcome,
  written: Written,
  quarantined: Written | null,
  milliseconds: number,
  swapAllowed: boolean,
): RunReport {
  const { plan, objects } = work.loaded;
  const { spec } = plan;
  const sizes = new Map(written.draft.objects().map(({ path, size }) => [path, size]));
  const kept = Object.values(written.rowsOut).reduce((total, rows) => total + rows, 0);
  const inQuarantine = contract?.quarantined ?? 0;
  return {
    run: work.run,
    pipeline: spec.pipeline,
    published: work.options.dryRun !== true && work.options.sampleRows === undefined,
    source: {
      dataset: spec.source.dataset,
      objects: objects.length,
      bytes: objects.reduce((total, { bytes }) => total + bytes, 0),
    },
    output: {
      dataset: spec.output.dataset,
      version: work.run,
      objects: Object.entries(written.rowsOut).map(([split, rows]) => {
        const path = `${split}.${spec.output.format}`;
        return { path, rows, bytes: sizes.get(path) ?? 0 };
      }),
    },
    ...(quarantined === null || spec.quarantine === undefined
      ? {}
      : { quarantine: { dataset: spec.quarantine, version: work.run, rows: quarantined.rowsOut.all ?? 0 } }),
    rows: { in: written.rowsIn, kept, quarantined: inQuarantine, dropped: written.rowsIn - kept - inQuarantine },
    splits: written.rowsOut,
    contract: (contract?.rules ?? []).map(({ id, rows, otherwise }) => ({ rule: id, rows, otherwise })),
    identifying: plan.ways.map((way) => ({ column: way.column, is: way.is, way: way.way })),
    passes: passes.full + 1 + (quarantined === null ? 0 : 1),
    seconds: milliseconds / 1000,
    peakEngineBytes: work.engine.peakBytes(),
    isolation: work.engine.isolation,
    swapAllowed,
  };
}

/** The output's version record is the commit: the quarantine's counts only with it (I3). */
async function publish(work: Work, report: RunReport, written: Written, quarantined: Written | null): Promise<void> {
  work.progress.begin('publish');
  const { vault, run } = work;
  const summary: Record<string, unknown> = { ...report };
  const account = { pipeline: report.pipeline, writer: vault.writer, summary };
  if (quarantined !== null) {
    await quarantined.draft.publish({ ...account, companionOf: { dataset: written.draft.dataset, version: run } });
  }
  await written.draft.publish(account);
  for (const { draft } of quarantined === null ? [written] : [written, quarantined]) {
    await vault.switchLatest(draft.dataset, run);
  }
}

/** Does `act`; says in words what the engine's failure was. After a broken rule it looks for the first such row. */
async function explaining<Result>(
  work: Work,
  fitted: FittedParameters | null,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    const { vault, options, loaded } = work;
    // Where a part cannot be written (a full disk), the engine only notices that its pipe is gone.
    for (const draft of work.drafts) {
      const reason = await draft.failure();
      if (reason !== undefined) throw reason;
    }
    const { plan, inputs } = loaded;
    const { dataset } = plan.spec.source;
    const memorySteps = plan.steps.filter(({ name }) => MEMORY_STEPS.has(name)).map(({ label }) => label);
    const explained = explainFailure(error, { inputs, dataset, memoryBytes: memoryOf(vault, options), memorySteps });
    throw isBrokenRule(error) ? ((await findBreach(work, fitted)) ?? explained) : explained;
  }
}

/** One object after the other for the source's own rules; for those of steps, all of them together. */
async function findBreach(
  { loaded: { plan, inputs }, engine }: Work,
  fitted: FittedParameters | null,
): Promise<PipelineError | undefined> {
  const { dataset } = plan.spec.source;
  for (const [index, { name }] of inputs.entries()) {
    engine.readOnly(index);
    const breaches = await diagnoseFailure(plan, null, engine);
    if (breaches.length > 0) return explainBreach(breaches, `${dataset}/${name}`);
  }
  if (fitted === null) return undefined;
  engine.readOnly(null);
  const breaches = await diagnoseFailure(plan, fitted, engine);
  const [only] = inputs;
  const where =
    inputs.length === 1 && only !== undefined ? `${dataset}/${only.name}` : `${dataset} (all objects in order)`;
  return breaches.length > 0 ? explainBreach(breaches, where) : undefined;
}

interface ProgressTracker {
  begin(phase: RunProgress['phase']): void;
  onBytes(bytes: number): void;
}

function trackProgress({ objects, bytesPerRow }: LoadedPipeline, { onProgress }: RunOptions): ProgressTracker {
  const totalBytes = objects.reduce((total, { bytes }) => total + bytes, 0);
  let state: RunProgress = { phase: 'fit', pass: 1, bytes: 0, totalBytes };
  const tell = (change: Partial<RunProgress>): void => {
    state = { ...state, ...change };
    onProgress?.(bytesPerRow === undefined ? state : { ...state, rows: Math.round(state.bytes / bytesPerRow) });
  };
  return {
    begin: (phase) => tell({ phase, bytes: 0, pass: state.pass + 1 }),
    // A fit may take several passes: each begins where the one before has read everything.
    onBytes: (bytes) =>
      state.bytes >= totalBytes ? tell({ bytes, pass: state.pass + 1 }) : tell({ bytes: state.bytes + bytes }),
  };
}
