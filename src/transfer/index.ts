// The door of transfer/: files to SFTP servers and from them.
export { type ConnectOptions, connect, parseFingerprint } from './connect.ts';
export { type Connection, isLost, type StallWatch, watchStall } from './connection.ts';
export { TransferError, type TransferErrorCode } from './error.ts';
export { isRemote, joinRemote, parseRemote, type Remote } from './remote.ts';
export { withRetries } from './retry.ts';
