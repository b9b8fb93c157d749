"""Seals and opens with the official Python client: one JSON request a line in, one JSON answer a line out.

{"op": "seal", "plaintext", "keys", "context", "frameLength", "suite"} gives {"sealed"};
{"op": "open", "sealed", "keys"} gives {"plaintext", "context"}; bytes are in base64. What the client
refuses is {"error": the exception's class and words}. A frame length of 0 makes an unframed message.
"""

import base64
import json
import logging
import sys

from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import Algorithm
from glovebox_interop import key_provider

STRICT = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
LEGACY = EncryptionSDKClient(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)


def seal(request):
    suite = Algorithm.get_by_id(request["suite"])
    sealed, _ = (STRICT if suite.is_committing() else LEGACY).encrypt(
        source=base64.b64decode(request["plaintext"]),
        key_provider=key_provider(request["keys"]),
        encryption_context=request["context"],
        frame_length=request["frameLength"],
        algorithm=suite,
    )
    return {"sealed": base64.b64encode(sealed).decode("ascii")}


def open_sealed(request):
    plaintext, header = STRICT.decrypt(
        source=base64.b64decode(request["sealed"]),
        key_provider=key_provider(request["keys"]),
    )
    return {
        "plaintext": base64.b64encode(plaintext).decode("ascii"),
        "context": header.encryption_context,
    }


def main():
    # What goes wrong is in the answer.
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"seal": seal, "open": open_sealed}[request["op"]](request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
