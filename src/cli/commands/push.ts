// glovebox push: sends files, folders or objects to an SFTP server.
import { connect, openAccount, openPushJournal, parseRemote, push as pushAll } from '../../transfer/index.ts';
import { defineCommand } from '../command.ts';
import { connectionOptions, connectOptions, patience, transferState } from '../connection.ts';
import { usage } from '../error.ts';
import { formatBytes, formatMany, printable } from '../format.ts';
import { parseCount } from '../parse.ts';
import { datasetSources, localSources } from '../push-sources.ts';
import { reportTransfer } from '../transfer-report.ts';
import { openWorkspaceVault } from '../workspace.ts';

const PARALLEL = 4;

export const push = defineCommand({
  name: 'push',
  summary: 'send files, folders or objects to an SFTP server',
  details:
    'The last argument says where to: sftp://USER@HOST/PATH, or USER@HOST:PATH. Goes on where an earlier run was cut ' +
    "off. The server's key must be known, or pinned with --host-key. Each file appears on the server whole, under its " +
    'name, or not at all. It is protected on the way; what the server keeps is plaintext unless it seals it, as a ' +
    'gateway of glovebox does, or unless you say --sealed.',
  examples: [
    'glovebox push claims.csv sftp://acme@sftp.example.com/claims-raw/',
    'glovebox push -i key.pem folder ec2-user@host.example.com:/data',
    'glovebox push --dataset claims-features/train.parquet --sealed box.example.com:backup/',
  ],
  usage: 'SOURCE... REMOTE',
  arguments: { sources: { description: 'files and folders (FOLDER/ without its name); then where to', many: true } },
  options: {
    dataset: { description: 'the sources are addresses: DATASET[@VERSION][/PATH]; they are opened, and so recorded' },
    sealed: {
      description: 'send sealed bytes as they are: sealed files, or with --dataset objects without opening them',
    },
    include: { value: 'GLOB', description: 'of folders, only files that match', many: true },
    exclude: { value: 'GLOB', description: 'of folders, nothing that matches', many: true },
    verify: { description: 'read each file again from the server, and compare its digest' },
    parallel: {
      value: 'N',
      description: 'files under way at once',
      byDefault: String(PARALLEL),
      parse: parseCount(1, 64),
    },
    sessions: {
      value: 'N',
      description: 'connections to the server',
      byDefault: '1',
      parse: parseCount(1, 16),
    },
    dryRun: { description: 'only show what would be sent; nothing is connected to' },
    ...connectionOptions,
  },
  async run(context, { sources: given }, options) {
    const { ui, signal } = context;
    const target = given.at(-1);
    const paths = given.slice(0, -1);
    if (target === undefined || paths.length === 0) {
      throw usage('where to is missing', 'glovebox push SOURCE... sftp://USER@HOST/PATH');
    }
    const remote = parseRemote(target);
    const { dataset, sealed, include, exclude, verify, parallel = PARALLEL, sessions = 1, dryRun } = options;
    const report = reportTransfer(ui, 'pushing');
    const account = openAccount(report.onEvent);
    try {
      const wanted = { include, exclude, isSealed: sealed };
      const { sources, name } = dataset
        ? await datasetSources(await openWorkspaceVault(context), paths, wanted)
        : await localSources(paths, wanted, context, account);
      if (dryRun) {
        const total = sources.reduce((sum, { size }) => sum + size, 0);
        const files = sources.map(({ path, size }) => ({ path: path === '' ? (name ?? '') : path, size }));
        ui.result({ to: target, files, bytes: total }, [
          ...files.map(({ path, size }) => `${printable(path)}  ${formatBytes(size)}`),
          `would send ${formatMany(files.length, 'file')}, ${formatBytes(total)}, to ${printable(target)}`,
        ]);
        return;
      }
      const connecting = connectOptions(context, options);
      try {
        await pushAll(remote, sources, {
          open: () => connect(remote, connecting),
          account,
          journal: openPushJournal(transferState()),
          ...{ parallel, sessions, verify, name, signal },
          ...patience(options),
        });
      } finally {
        account.end();
      }
      report.finish({ to: target });
    } finally {
      report.close();
    }
  },
});
