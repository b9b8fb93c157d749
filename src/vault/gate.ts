// The one place through which every use of data, keys and scripts passes: decided by the caller's role, and
// recorded, before it happens (I4).
import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type AccessModel, type AccessRequest, LOCAL_RUNNER, sessionArn, sessionName } from '../access/index.ts';
import { type AuditLog, type AuditRecord, openAuditLog } from '../audit/index.ts';
import { accessModel, type PipelineUses, STATE_FOLDER, type Workspace } from '../workspace/index.ts';
import { type Answer, callsFor, decideFor, LOCAL, type Question } from './decide.ts';
import { VaultError } from './error.ts';

/** Who uses a vault. */
export interface Caller {
  /** A role of the workspace. Without one, nothing is allowed where the workspace declares roles. */
  role?: string;
  /** The role in which interrupted uploads are opened; by default `role`. */
  ingest?: string;
  /** Who it is, for the log and for the session's name; by default the operating system's user. */
  user?: string;
  /** What the workspace's pipelines use, for grants to run them. */
  pipelines?: PipelineUses;
  /** ARNs of keys by alias, for policies that name them. */
  keyArns?: Readonly<Record<string, string>>;
  /** What else the requests hold, such as `aws:SourceIp`. */
  context?: AccessRequest['context'];
}

export interface Gate {
  /**
   * Returns when it is allowed; both outcomes are recorded first.
   * @throws VaultError `DENIED`; AuditError `WRITE` where it cannot be recorded: then it is not allowed
   */
  pass(question: Question): void;
  /**
   * Records what nobody decides, such as plaintext that came past the vault: what was done, from where, to where.
   * @throws AuditError `WRITE`
   */
  note(name: string, subject: string, to: string): void;
  /** What `pass` would decide; nothing is recorded. */
  ask(question: Question): Answer;
  log: AuditLog;
}

/** The file of the audit log, in the workspace's state folder. */
const AUDIT_FILE = 'audit.jsonl';

/** The gate of a workspace for one caller. @throws AccessError for a role that the workspace does not declare */
export function openGate(workspace: Workspace, caller: Caller = {}): Gate {
  const model = accessModel(workspace, caller.pipelines ?? {});
  const { role, user = userInfo().username, context = {}, keyArns = {} } = caller;
  // Whoever sits at the machine is its runner, whatever the operating system calls them.
  const session = caller.user === undefined ? sessionName(LOCAL_RUNNER, user) : sessionName(user, 'gateway');
  const arn = role === undefined ? ROOT : sessionArn(model, LOCAL, role, session);
  const ask =
    role === undefined ? asOwner(workspace, model) : decideFor(model, role, { name: session, context }, keyArns);
  const log = openAuditLog(join(workspace.directory, STATE_FOLDER, AUDIT_FILE));
  const who = { type: role === undefined ? 'Root' : 'AssumedRole', arn, userName: user } as const;
  return {
    log,
    ask,
    note(name, subject, to) {
      const done = { verb: name, subject, to };
      log.append(recordOf(done, { allowed: true, reason: '', calls: [] }, who));
    },
    pass(question) {
      const answer = ask(question);
      log.append(recordOf(question, answer, who));
      if (answer.allowed) return;
      const inRole = role === undefined ? '' : ` for the role ${role}`;
      throw new VaultError('DENIED', `${question.verb} is not allowed on ${describe(question)}${inRole}`, {
        hint: answer.reason,
      });
    },
  };
}

const ACCOUNT = '000000000000';
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;

/** Without a role: everything where none is declared, and nothing where some are. */
function asOwner({ roles }: Workspace, model: AccessModel): Gate['ask'] {
  const names = Object.keys(roles);
  const allowed = names.length === 0;
  const reason = allowed
    ? 'the workspace declares no roles: whoever holds its root key may do everything'
    : `name the role that you act in, with --role or GLOVEBOX_ROLE: ${names.join(', ')}`;
  return (question) => ({ allowed, reason, calls: callsFor(model, question).map(({ call }) => call) });
}

function describe({ verb, subject, name }: Question): string {
  if (verb === 'audit') return 'the log';
  return name === undefined ? subject : `${subject}/${name}`;
}

/** One record for a decision, however many calls it stands for. */
function recordOf(
  { verb, subject, name, secret, actions, to }: Omit<Question, 'verb'> & { verb: string; to?: string },
  { allowed, reason, calls }: Answer,
  who: Pick<AuditRecord['userIdentity'], 'type' | 'arn' | 'userName'>,
): AuditRecord {
  return {
    eventVersion: '1.11',
    eventID: randomUUID(),
    eventTime: new Date().toISOString(),
    eventSource: 'glovebox',
    eventName: verb,
    awsRegion: 'local',
    userIdentity: { ...who, accountId: ACCOUNT },
    requestParameters: {
      subject,
      ...(name === undefined ? {} : { name }),
      ...(to === undefined ? {} : { to }),
      ...(secret === undefined ? {} : { secret }),
      ...(actions === undefined ? {} : { actions: actions.join(' ') }),
    },
    resources: [...new Set(calls.map(({ resource }) => resource))].map((ARN) => ({ ARN })),
    ...(allowed ? {} : { errorCode: 'AccessDenied', errorMessage: reason }),
  };
}
