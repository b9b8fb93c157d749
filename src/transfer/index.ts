// The door of transfer/: files to SFTP servers and from them.
export { type ConnectOptions, connect, parseFingerprint } from './connect.ts';
export { type Connection, isLost, type StallWatch, watchStall } from './connection.ts';
export { TransferError, type TransferErrorCode } from './error.ts';
export {
  type Account,
  openAccount,
  type SkipReason,
  type Summary,
  settleFailures,
  type TransferEvent,
  type TransferredFile,
} from './events.ts';
export {
  localTree,
  matchesAny,
  type Planned,
  type PlannedFile,
  type PlanOptions,
  planTree,
  remoteTree,
  type Tree,
} from './plan.ts';
export { type PullOptions, type PullPlan, pull } from './pull.ts';
export { openDatasetStore } from './pull-dataset.ts';
export { openFolderStore } from './pull-file.ts';
export { pullJournalPath } from './pull-journal.ts';
export type { PullStore } from './pull-types.ts';
export { type PushOptions, push } from './push.ts';
export { openPushJournal, type PushJournal } from './push-journal.ts';
export { type ObjectPlace, objectSource, sealedSource } from './push-object.ts';
export { localSource, type OpenPushSource, type PushSource } from './push-source.ts';
export { isRemote, joinRemote, parseRemote, type Remote } from './remote.ts';
export { withRetries } from './retry.ts';
