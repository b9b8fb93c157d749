"""Raw wrapping keys for the official Python client, described as `glovebox key export` writes them.

aws-encryption-cli takes any provider that an installed package names as an entry point: the .dist-info
beside this file is that package, found as soon as this folder is on PYTHONPATH. Use it as
`--wrapping-keys provider=glovebox-interop::raw key=FILE`, so that no key is ever an argument.
"""

import base64
import json

from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.base import MasterKeyProvider, MasterKeyProviderConfig
from aws_encryption_sdk.key_providers.raw import RawMasterKey

AES = {
    16: WrappingAlgorithm.AES_128_GCM_IV12_TAG16_NO_PADDING,
    24: WrappingAlgorithm.AES_192_GCM_IV12_TAG16_NO_PADDING,
    32: WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
}


class RawKeys(MasterKeyProvider):
    """Any of several raw keys; the first one makes the data keys."""

    # Named as no key is: the keys have namespaces of their own.
    provider_id = "glovebox-interop"
    vend_masterkey_on_decrypt = False
    _config_class = MasterKeyProviderConfig

    def _new_master_key(self, key_id):
        with open(key_id.decode("utf-8"), encoding="utf-8") as file:
            return master_key(json.load(file))


def key_files(key_ids):
    """The entry point: the command adds each of `key_ids`, paths of key files, by itself."""
    return RawKeys()


def key_provider(keys):
    """A provider of `keys`, each as `master_key` takes it."""
    provider = RawKeys()
    for key in keys:
        # A key is a provider of itself.
        provider.add_master_key_provider(master_key(key))
    return provider


def master_key(key):
    """One key: `keyMaterial` is AES in base64; `privateKey` or `publicKey` is RSA in PEM, OAEP with SHA-256."""
    if "keyMaterial" in key:
        material = base64.b64decode(key["keyMaterial"])
        wrapping_key = WrappingKey(AES[len(material)], material, EncryptionKeyType.SYMMETRIC)
    elif "privateKey" in key:
        wrapping_key = rsa_key(key["privateKey"], EncryptionKeyType.PRIVATE)
    else:
        wrapping_key = rsa_key(key["publicKey"], EncryptionKeyType.PUBLIC)
    return RawMasterKey(provider_id=key["keyNamespace"], key_id=key["keyName"], wrapping_key=wrapping_key)


def rsa_key(pem, kind):
    return WrappingKey(WrappingAlgorithm.RSA_OAEP_SHA256_MGF1, pem.encode("ascii"), kind)
