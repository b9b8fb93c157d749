// The door of vault/: the one way to data at rest.

export type { AcceptedDelivery } from './accept-delivery.ts';
export { type Address, formatAddress, isVersion, matchesGlob, parseAddress } from './address.ts';
export type { Collected } from './collect.ts';
export type { Answer, Question } from './decide.ts';
export type { Delivery } from './deliveries.ts';
export { VaultError, type VaultErrorCode } from './error.ts';
export type { PlainFile, PlainTarget } from './files.ts';
export { type Caller, type Gate, openGate } from './gate.ts';
export { guardKeys, type ManagedKeys } from './key-guard.ts';
export type { ObjectInfo, OpenedObject, SealedObject } from './objects.ts';
export type { PinnedObject } from './pipes.ts';
export type { ByteRange, OpenReading } from './range.ts';
export type { VersionObject, VersionRecord } from './record.ts';
export { parseSshBlob, parseSshKey, readSshKey, type SshKey } from './ssh-key.ts';
export { verifySshValue } from './ssh-signature.ts';
export { type WireReader, wireReader, wireString } from './ssh-wire.ts';
export type { Upload } from './upload.ts';
export type { UploadInfo, UploadOptions } from './uploads.ts';
export { openVault, type Vault } from './vault.ts';
export type { Verification, VerifiedObject } from './verify.ts';
export type { VersionAccount, VersionDraft } from './versions.ts';
