// The door of keys/: the key-provider interface and the embedded key store.
export { KeyError, type KeyErrorCode } from './error.ts';
export { initLocalKeys, type LocalKeysOptions, openLocalKeys } from './local.ts';
export { KEY_NAMESPACE, rawKeyring } from './raw-aes.ts';
export { combineKeyrings, exportedKeyring, privateKeyKeyring, publicKeyKeyring } from './raw-keyrings.ts';
export { defaultRootKeyPath } from './root-key.ts';
export type {
  ExportedKey,
  KeyDescription,
  KeyProvider,
  KeyState,
  KeyUse,
  LocalKeys,
  PublicKey,
  RootKeySource,
} from './types.ts';
