// glovebox pull: fetches files from an SFTP server, sealed into a dataset or, said aloud, as plaintext.
import { connect, openAccount, parseRemote, pull as pullAll } from '../../transfer/index.ts';
import { defineCommand } from '../command.ts';
import { connectionOptions, connectOptions, patience } from '../connection.ts';
import { formatBytes, formatMany, printable } from '../format.ts';
import { parseCount } from '../parse.ts';
import { openPullTarget } from '../pull-target.ts';
import { reportTransfer } from '../transfer-report.ts';

const PARALLEL = 4;

export const pull = defineCommand({
  name: 'pull',
  summary: 'fetch files from an SFTP server, sealed into a raw dataset or as plaintext',
  details:
    'To DATASET, DATASET/NAME or DATASET/FOLDER/ it is sealed as it comes, and no plaintext reaches a disk. To a path ' +
    '(./NAME, /FOLDER/, or anything with --plaintext) it is plaintext on your disk, readable by you; a file that ' +
    'is there is replaced. Each file appears whole, under its name, or not at all; the same command goes on where ' +
    "an earlier one was cut off. The server's key must be known, or pinned with --host-key. Links are not followed.",
  examples: [
    'glovebox pull sftp://acme@sftp.example.com/out/claims.csv claims-raw',
    "glovebox pull -i key.pem --include '*.csv' ec2-user@host.example.com:/data/ claims-raw/2026/",
    'glovebox pull sftp://sftp.example.com/out/ ./out/',
  ],
  usage: 'REMOTE DEST',
  arguments: {
    remote: { description: 'a file or a folder (FOLDER/ without its name): sftp://USER@HOST/PATH, or USER@HOST:PATH' },
    dest: { description: 'where to: DATASET[/NAME], or a path' },
  },
  options: {
    plaintext: { description: 'the destination is a path, whatever it looks like' },
    include: { value: 'GLOB', description: 'of a folder, only files that match', many: true },
    exclude: { value: 'GLOB', description: 'of a folder, nothing that matches', many: true },
    depth: {
      value: 'N',
      description: 'of a folder, so many folders deep; 0: only its files',
      parse: parseCount(0, 64),
    },
    again: { description: 'also what is there already, with the same size and time' },
    verify: { description: 'read each file a second time from the server, and compare its digest' },
    parallel: {
      value: 'N',
      description: 'files under way at once',
      byDefault: String(PARALLEL),
      parse: parseCount(1, 64),
    },
    sessions: {
      value: 'N',
      description: 'connections to the server; a single large file is read over all of them',
      byDefault: '1',
      parse: parseCount(1, 16),
    },
    dryRun: { description: 'only show what would come' },
    ...connectionOptions,
  },
  async run(context, given, options) {
    const { ui, signal } = context;
    const remote = parseRemote(given.remote);
    const { plaintext, include, exclude, depth, again, verify, parallel = PARALLEL, sessions = 1, dryRun } = options;
    const report = reportTransfer(ui, 'pulling');
    const account = openAccount(report.onEvent);
    try {
      const target = await openPullTarget(context, remote, given.dest, { isPath: plaintext, dryRun, account });
      const connecting = connectOptions(context, options);
      try {
        const { files, bytes } = await pullAll(remote, {
          open: () => connect(remote, connecting),
          openStore: target.open,
          account,
          ...{ include, exclude, maxDepth: depth, again, verify, parallel, sessions, dryRun, signal },
          ...patience(options),
        });
        if (dryRun) {
          ui.result({ from: given.remote, files, bytes }, [
            ...files.map(({ to, size }) => `${printable(to)}  ${size === undefined ? '?' : formatBytes(size)}`),
            `would fetch ${formatMany(files.length, 'file')}, ${formatBytes(bytes)}`,
          ]);
          return;
        }
      } finally {
        if (!dryRun) account.end();
      }
      report.finish({ from: given.remote });
      target.warn();
    } finally {
      report.close();
    }
  },
});
