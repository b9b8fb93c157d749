// glovebox audit ls: the decisions that were recorded.
import { AUDIT_SUBJECT } from '../../access/index.ts';
import type { AuditRecord } from '../../audit/index.ts';
import { defineCommand } from '../command.ts';
import { formatTable, formatTime } from '../format.ts';
import { parseCount } from '../parse.ts';
import { openGateOf, openWorkspace } from '../workspace.ts';

const DEFAULT_COUNT = 100;

export const auditLs = defineCommand({
  name: 'audit ls',
  summary: 'list the decisions that were recorded, the newest last',
  details:
    'Every use of data, keys and pipelines is decided and recorded before it happens, allowed or denied; so is the ' +
    'reading of the log. The file is .glovebox/audit.jsonl. It is not tamper-evident yet.',
  examples: ['glovebox audit ls --role auditor', 'glovebox audit ls --denied --json'],
  arguments: {},
  options: {
    last: {
      value: 'N',
      description: 'how many of them',
      byDefault: String(DEFAULT_COUNT),
      parse: parseCount(1, 1_000_000),
    },
    denied: { description: 'only those that were denied' },
  },
  async run(context, _given, { last = DEFAULT_COUNT, denied }) {
    const { gate } = await openGateOf(context, await openWorkspace(context));
    gate.pass({ verb: 'audit', subject: AUDIT_SUBJECT });
    let records: AuditRecord[] = [];
    for await (const record of gate.log.read()) {
      if (denied && record.errorCode === undefined) continue;
      records.push(record);
      // Twice as many are held at most.
      if (records.length >= 2 * last) records = records.slice(-last);
    }
    records = records.slice(-last);
    context.ui.result({ records }, () =>
      formatTable(
        ['TIME', 'WHO', 'VERB', 'SUBJECT', 'DECISION'],
        records.map(({ eventTime, userIdentity, eventName, requestParameters, errorCode }) => [
          formatTime(eventTime),
          whoOf(userIdentity),
          eventName,
          eventName === 'audit' ? 'log' : subjectOf(requestParameters),
          errorCode === undefined ? 'allowed' : 'denied',
        ]),
      ),
    );
  },
});

function subjectOf({ subject = '', name, secret }: Record<string, string>): string {
  if (secret !== undefined) return `${subject} (secret ${secret})`;
  return name === undefined ? subject : `${subject}/${name}`;
}

function whoOf({ type, arn, userName }: { type: string; arn: string; userName: string }): string {
  return type === 'Root' ? userName : `${userName} as ${arn.split('/')[1] ?? arn}`;
}
