// The keyring of a symmetric key: AES-256-GCM, in the form that any Encryption SDK has.
import type { KeyringNode } from '@aws-crypto/material-management-node';
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node';

/** The provider id in every wrapped data key, and the key namespace for other Encryption SDKs. */
export const KEY_NAMESPACE = 'glovebox';
/** The wrapping suite's name, as the specification and `key export` write it. */
export const WRAPPING_SUITE = 'AES256_GCM_IV12_TAG16_NO_PADDING';

/** What a raw AES keyring is made of. */
export interface RawAesKey {
  keyNamespace: string;
  keyName: string;
  /** 32 bytes; a copy is taken. */
  keyMaterial: Uint8Array;
}

/** A keyring that wraps and unwraps under one symmetric key. */
export function rawKeyring({ keyNamespace, keyName, keyMaterial }: RawAesKey): KeyringNode {
  return new RawAesKeyringNode({
    keyNamespace,
    keyName,
    // The package takes memory of its own only, moves it into a KeyObject and wipes it.
    unencryptedMasterKey: new Uint8Array(keyMaterial),
    wrappingSuite: RawAesWrappingSuiteIdentifier[WRAPPING_SUITE],
    utf8Sorting: true,
  });
}
