// Keys for whoever manages them: each use decided and recorded first, as KMS would (I4). Sealing and opening go
// through the vault, which decides on the dataset.
import type { KeyDescription, LocalKeys } from '../keys/index.ts';
import type { Gate } from './gate.ts';

/** The embedded key store without the means to seal and open. Every method may throw VaultError `DENIED`. */
export type ManagedKeys = Omit<LocalKeys, 'keyring'>;

/**
 * `keys` behind a gate: managing takes the verb `manage`, each method the KMS actions that it stands for.
 * Material that leaves the store (`exportKey`, `backup`, `restore`) has no counterpart in KMS and no verb: it takes
 * `glovebox:ExportKey`, `glovebox:BackupKey` (on every key) or `glovebox:RestoreKeys` (on all) in a role's own policy.
 */
export function guardKeys(keys: LocalKeys, gate: Gate): ManagedKeys {
  const manage = (alias: string, ...actions: string[]): void => gate.pass({ verb: 'manage', subject: alias, actions });
  const mayDescribe = ({ alias }: KeyDescription): boolean =>
    gate.ask({ verb: 'manage', subject: alias, actions: ['kms:DescribeKey'] }).allowed;
  return {
    async create(alias, use) {
      manage(alias, 'kms:CreateKey', 'kms:CreateAlias');
      return keys.create(alias, use);
    },
    async list() {
      const all = await keys.list();
      const shown = all.filter(mayDescribe);
      // Those that may be looked at, each recorded; where there is none, the first denial stands for all.
      for (const { alias } of shown.length > 0 ? shown : all.slice(0, 1)) manage(alias, 'kms:DescribeKey');
      return shown;
    },
    async describe(alias) {
      manage(alias, 'kms:DescribeKey');
      return keys.describe(alias);
    },
    async rotate(alias) {
      manage(alias, 'kms:RotateKeyOnDemand');
      return keys.rotate(alias);
    },
    async disable(alias) {
      manage(alias, 'kms:DisableKey');
      return keys.disable(alias);
    },
    async enable(alias) {
      manage(alias, 'kms:EnableKey');
      return keys.enable(alias);
    },
    async scheduleDeletion(alias, days) {
      manage(alias, 'kms:ScheduleKeyDeletion');
      return keys.scheduleDeletion(alias, days);
    },
    async cancelDeletion(alias) {
      manage(alias, 'kms:CancelKeyDeletion');
      return keys.cancelDeletion(alias);
    },
    async publicKey(alias, version) {
      // Of a key without one, whoever may look at the key learns that it has none.
      const { use } = await keys.describe(alias);
      manage(alias, use === 'drop-box' ? 'kms:GetPublicKey' : 'kms:DescribeKey');
      return keys.publicKey(alias, version);
    },
    async exportKey(alias, version) {
      manage(alias, 'glovebox:ExportKey');
      return keys.exportKey(alias, version);
    },
    async backup(passphrase) {
      for (const { alias } of await keys.list()) manage(alias, 'glovebox:BackupKey');
      return keys.backup(passphrase);
    },
    async restore(backup, passphrase) {
      manage('*', 'glovebox:RestoreKeys');
      return keys.restore(backup, passphrase);
    },
  };
}
