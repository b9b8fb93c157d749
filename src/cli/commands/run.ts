// glovebox run: a pipeline, from sealed raw data to a sealed version of features.
import { type RunProgress, type RunReport, runPipeline } from '../../pipeline/index.ts';
import { defineCommand } from '../command.ts';
import { formatBytes, formatCount, formatFields, formatMany, formatSeconds } from '../format.ts';
import { parseBytes, parseCount } from '../parse.ts';
import { openWorkspaceVault } from '../workspace.ts';

export const run = defineCommand({
  name: 'run',
  summary: 'run a pipeline and publish what comes out as a new version',
  details:
    'The version appears whole or not at all. It refuses to run while the host swaps to an unencrypted disk, ' +
    'because memory would reach it.',
  examples: ['glovebox run claims', 'glovebox run claims --sample 1000', 'glovebox run claims --dry-run'],
  arguments: { pipeline: { description: 'name of a pipeline: its file without .yaml' } },
  options: {
    sample: { value: 'N', description: 'read only the first N rows; publish nothing', parse: parseCount(1) },
    dryRun: { description: 'do everything but publish' },
    threads: {
      value: 'N',
      description: 'threads of the engine',
      byDefault: 'glovebox.yaml, else all cores',
      parse: parseCount(1),
    },
    memory: {
      value: 'SIZE',
      description: "the engine's memory limit, such as 2GB",
      byDefault: 'glovebox.yaml, else 1GB',
      parse: parseBytes,
    },
    allowSwap: { description: 'run although this host has unencrypted swap; recorded with the version' },
  },
  async run(context, given, { sample, dryRun, threads, memory, allowSwap }) {
    const { ui, signal } = context;
    const vault = await openWorkspaceVault(context);
    const progress = ui.progress();
    let report: RunReport;
    try {
      report = await runPipeline(vault, given.pipeline, {
        ...(sample === undefined ? {} : { sampleRows: sample }),
        ...(threads === undefined ? {} : { threads }),
        ...(memory === undefined ? {} : { memoryBytes: memory }),
        dryRun,
        allowSwap,
        signal,
        onProgress: ({ phase, pass, bytes, totalBytes, rows }: RunProgress) =>
          progress.update({ label: `${phase} ${pass}`, bytes, totalBytes, rows }),
      });
    } finally {
      progress.close();
    }
    if (report.isolation === 'process') {
      ui.warn('the engine ran without a sandbox: bubblewrap is not usable here', 'apt-get install bubblewrap');
    }
    if (report.swapAllowed) ui.warn('unencrypted swap was allowed: what was in memory may be on a disk in the clear');
    ui.result(report, () => describe(report));
  },
});

function describe(report: RunReport): string[] {
  const { source, output, quarantine, rows, splits, contract, identifying, seconds } = report;
  const broken = contract.filter((rule) => rule.rows > 0);
  const rate =
    seconds > 0 ? `, ${formatBytes(source.bytes / seconds)}/s, ${formatCount(rows.in / seconds)} rows/s` : '';
  return formatFields([
    [report.published ? 'published' : 'not published', `${output.dataset}@${output.version}`],
    ['read', `${source.dataset}: ${formatMany(source.objects, 'object')}, ${formatBytes(source.bytes)}`],
    ['rows in', formatCount(rows.in)],
    ['kept', formatCount(rows.kept)],
    [
      'quarantined',
      `${formatCount(rows.quarantined)}${quarantine === undefined ? '' : ` in ${quarantine.dataset}@${quarantine.version}`}`,
    ],
    ['dropped', formatCount(rows.dropped)],
    ...Object.entries(splits).map(([name, count]): [string, string] => [`split ${name}`, formatCount(count)]),
    ...broken.map(({ rule, rows: count, otherwise }): [string, string] => [
      'contract',
      `${rule}: ${formatMany(count, 'row')}, ${otherwise}`,
    ]),
    ...identifying.map(({ column, is, way }): [string, string] => [is, `${column}: ${way}`]),
    ...output.objects.map(({ path, bytes, rows: count }): [string, string] => [
      'object',
      `${output.dataset}@${output.version}/${path}  ${formatBytes(bytes)}  ${formatMany(count, 'row')}`,
    ]),
    ['took', `${formatSeconds(seconds)} in ${report.passes} passes${rate}`],
    ['engine', `peak memory ${formatBytes(report.peakEngineBytes)}, isolation ${report.isolation}`],
  ]);
}
