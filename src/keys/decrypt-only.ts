// A keyring for keys that must go on opening what they sealed but seal nothing new.
import {
  type EncryptedDataKey,
  KeyringNode,
  type NodeDecryptionMaterial,
  type NodeEncryptionMaterial,
} from '@aws-crypto/material-management-node';

/**
 * Wraps `keyring` so that it takes no part in sealing. As a plain child of a multi-keyring an old
 * key version would wrap every new data key too, and rotation would be for nothing.
 */
export class DecryptOnlyKeyring extends KeyringNode {
  readonly #keyring: KeyringNode;

  constructor(keyring: KeyringNode) {
    super();
    this.#keyring = keyring;
  }

  override async _onEncrypt(material: NodeEncryptionMaterial): Promise<NodeEncryptionMaterial> {
    return material;
  }

  override _onDecrypt(
    material: NodeDecryptionMaterial,
    encryptedDataKeys: EncryptedDataKey[],
  ): Promise<NodeDecryptionMaterial> {
    return this.#keyring.onDecrypt(material, encryptedDataKeys);
  }
}
