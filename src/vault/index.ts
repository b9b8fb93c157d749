// The door of vault/: the one way to data at rest.
export { type Address, formatAddress, isVersion, matchesGlob, parseAddress } from './address.ts';
export type { Collected } from './collect.ts';
export { VaultError, type VaultErrorCode } from './error.ts';
export type { ObjectInfo, OpenedObject } from './objects.ts';
export type { PinnedObject } from './pipes.ts';
export type { VersionObject, VersionRecord } from './record.ts';
export { openVault, type Vault } from './vault.ts';
export type { VersionAccount, VersionDraft } from './versions.ts';
