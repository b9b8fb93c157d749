// The door of keys/: the key-provider interface and the embedded key store.
export { KeyError, type KeyErrorCode } from './error.ts';
export { initLocalKeys, type LocalKeysOptions, openLocalKeys } from './local.ts';
export { defaultRootKeyPath } from './root-key.ts';
export { KEY_NAMESPACE } from './stored-key.ts';
export type { ExportedKey, KeyDescription, KeyProvider, KeyState, LocalKeys, RootKeySource } from './types.ts';
