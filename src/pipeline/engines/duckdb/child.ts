// The engine's process: DuckDB and nothing else. It never holds a data key; it sees plaintext through
// FIFOs and the secrets of the domains that the plan needs. Started by `process.ts`, spoken to by lines.
import { createInterface } from 'node:readline';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { classifyFailure } from './failure.ts';
import { readProfile } from './profile.ts';
import { decodeMessage, encodeMessage, type Reply, type Request } from './protocol.ts';

/** Over the engine's own memory limit, what the rest of the process and uncounted states may take. */
const OVERHEAD_BYTES = 512 * 2 ** 20;

let connection: DuckDBConnection | undefined;

async function start(request: Request & { op: 'start' }): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(request.threads),
    memory_limit: `${Math.floor(request.memoryBytes / 2 ** 20)}MiB`,
    temp_directory: '', // I1: nothing spills
    max_temp_directory_size: '0KB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  connection = await instance.connect();
  for (const secret of request.secrets) {
    // Bound as parameters of a statement of their own: never SQL text.
    await connection.run(`CREATE TEMP TABLE "${secret.table}" ("key" VARCHAR, "inner" BLOB, "outer" BLOB)`);
    const insert = await connection.prepare(`INSERT INTO "${secret.table}" VALUES ($1, unhex($2), unhex($3))`);
    insert.bindVarchar(1, secret.key);
    insert.bindVarchar(2, secret.inner);
    insert.bindVarchar(3, secret.outer);
    await insert.run();
  }
  const folder = request.folder.replaceAll("'", "''");
  await connection.run(`SET allowed_directories = ['${folder}']`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
  watchMemory(request.memoryBytes + OVERHEAD_BYTES);
}

/** Some states (quantiles, histograms) escape DuckDB's own limit: past ours the process ends itself. */
function watchMemory(limit: number): void {
  setInterval(() => {
    const rssBytes = process.memoryUsage.rss();
    if (rssBytes > limit) {
      process.stdout.write(encodeMessage({ ok: false, failure: { kind: 'memory' }, rssBytes }), () => process.exit(70));
    }
  }, 50).unref();
}

async function answer(request: Request): Promise<Partial<Reply & { ok: true }>> {
  if (request.op === 'start') {
    await start(request);
    return {};
  }
  if (connection === undefined) throw new Error('not started');
  if (request.op === 'execute') {
    await connection.run(request.sql);
    return {};
  }
  if (request.op === 'query') return { rows: (await connection.runAndReadAll(request.sql)).getRowObjectsJS() };
  if (request.counted) {
    const profile = await connection.runAndReadAll(`EXPLAIN (ANALYZE, FORMAT JSON) ${request.sql}`);
    return readProfile(String(profile.getRowsJS()[0]?.[1]));
  }
  const files = (await connection.runAndReadAll(request.sql)).getRowObjectsJS();
  return { files: files.map((file) => ({ path: String(file.filename), rows: Number(file.count) })) };
}

async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    let reply: Reply;
    try {
      const result = await answer(decodeMessage(line) as Request);
      reply = { ok: true, ...result, rssBytes: process.resourceUsage().maxRSS * 1024 };
    } catch (error) {
      reply = { ok: false, failure: classifyFailure(error), rssBytes: process.resourceUsage().maxRSS * 1024 };
    }
    process.stdout.write(encodeMessage(reply));
  }
}

// Our side is gone when standard input ends: a statement that still runs ends with the process.
process.stdin.on('end', () => process.exit(0));
process.on('uncaughtException', () => process.exit(71)); // its text may quote data
await main();
process.exit(0);
