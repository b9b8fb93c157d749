// glovebox put: seals files, or standard input, into a raw dataset.

import { basename } from 'node:path';
import { type ObjectInfo, parseAddress, type Vault } from '../../vault/index.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { formatBytes } from '../format.ts';
import { threads } from '../options.ts';
import { type Progress, type ProgressState, withProgress } from '../progress.ts';
import { openSourceFile, openStandardInput, type SourceFile } from '../source-file.ts';
import { openWorkspaceVault } from '../workspace.ts';

interface Job extends SourceFile {
  file: string;
  path: string;
}

export const put = defineCommand({
  name: 'put',
  summary: 'seal files, or standard input, into a raw dataset',
  details:
    'The last argument says where to: DATASET, DATASET/NAME or DATASET/FOLDER/. Each object appears whole or not ' +
    'at all; one of the same name is replaced. Data from standard input never lies on a disk in the clear.',
  examples: ['glovebox put claims.csv claims-raw', 'produce | glovebox put - claims-raw/claims.csv'],
  usage: 'FILE... DATASET[/NAME]',
  arguments: { files: { description: 'files to seal, or - for standard input; then the address', many: true } },
  options: {
    allowEmpty: { description: 'take empty input too' },
    threads,
  },
  async run(context, { files: given }, { allowEmpty, threads: count }) {
    const target = given.at(-1);
    const files = given.slice(0, -1);
    if (target === undefined || files.length === 0)
      throw usage('the address is missing', 'glovebox put FILE... DATASET');
    const { dataset, path = '', version } = parseAddress(target);
    if (version !== undefined) throw usage(`${target}: a version cannot be written to`, 'only runs make versions');
    const jobs = await openJobs(files, path, allowEmpty, context);
    const vault = await openWorkspaceVault(context);
    const stored: ObjectInfo[] = [];
    try {
      for (const job of jobs) stored.push(await store(vault, dataset, job, { ...context, threads: count }));
    } finally {
      if (stored.length < jobs.length && stored.length > 0) {
        context.ui.note(`stored before the failure: ${stored.map((info) => `${dataset}/${info.path}`).join(', ')}`);
      }
    }
    context.ui.result(
      { stored: stored.map(({ path: name, size, sha256 }) => ({ address: `${dataset}/${name}`, size, sha256 })) },
      stored.map(({ path: name, size, sha256 }) => `${dataset}/${name}  ${formatBytes(size)}  sha256:${sha256}`),
    );
  },
});

/** All files are looked at before the first is read: a mistake in the last leaves nothing half done. */
async function openJobs(files: string[], path: string, allowEmpty: boolean, context: CommandContext): Promise<Job[]> {
  const isFolder = path === '' || path.endsWith('/');
  if (files.length > 1 && !isFolder) {
    throw usage('several files cannot have one name', 'name a dataset, or a folder in it: DATASET/FOLDER/');
  }
  const jobs: Job[] = [];
  for (const file of files) {
    if (file === '-') {
      if (isFolder) throw usage('standard input needs a name', 'glovebox put - DATASET/NAME');
      jobs.push({ file: 'standard input', path, ...openStandardInput(context.signal, allowEmpty) });
      continue;
    }
    const name = isFolder ? `${path}${basename(file)}` : path;
    if (jobs.some((job) => job.path === name)) throw usage(`two files would both be named ${name}`);
    jobs.push({ file, path: name, ...(await openSourceFile(file, allowEmpty)) });
  }
  return jobs;
}

async function store(
  vault: Vault,
  dataset: string,
  job: Job,
  { ui, signal, threads: count }: CommandContext & { threads: number | undefined },
): Promise<ObjectInfo> {
  const label = `sealing ${job.path}`;
  const source = await job.open?.();
  if (source === undefined) {
    const progress = ui.progress();
    const counted = counting(job.chunks, progress, { label, bytes: 0, totalBytes: job.size, rows: 0 });
    return await vault.put(dataset, job.path, counted, { signal }).finally(() => progress.close());
  }
  try {
    return await withProgress(ui, label, (onBytes) =>
      vault.putFile(dataset, job.path, source, { signal, threads: count, onBytes }),
    );
  } finally {
    await source.close();
  }
}

/** Bytes and lines of a stream, told as they pass. */
async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  progress: Progress,
  state: ProgressState & { rows: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    state.bytes += chunk.length;
    if (progress.active) state.rows += countLines(chunk);
    progress.update(state);
    yield chunk;
  }
}

function countLines(chunk: Uint8Array): number {
  let lines = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
  return lines;
}
