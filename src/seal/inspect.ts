// Looks at a message without any key.
import { AlgorithmSuiteIdentifier } from '@aws-crypto/material-management-node';
import { findLayout } from './find-layout.ts';
import { readHeader } from './header.ts';

import type { Inspection, SealedSource } from './types.ts';

/**
 * What a sealed object says about itself. Nothing in the result is authenticated.
 *
 * @throws SealError `TRUNCATED`, `TRAILING_BYTES`, `FRAME_ORDER`, `FRAME_AUTH`, `HEADER_INVALID`, `LIMIT`, `SIGNATURE`
 */
export async function inspect(source: SealedSource): Promise<Inspection> {
  const header = await readHeader(source);
  const layout = await findLayout(source, header);
  const { messageHeader, algorithmSuite } = header.info;
  return {
    messageId: Buffer.from(messageHeader.messageId).toString('hex'),
    version: messageHeader.version,
    suite: `0x${algorithmSuite.id.toString(16).padStart(4, '0')} ${AlgorithmSuiteIdentifier[algorithmSuite.id]}`,
    committing: algorithmSuite.commitment === 'KEY',
    signed: header.isSigned,
    context: { ...messageHeader.encryptionContext },
    wrappedKeys: messageHeader.encryptedDataKeys.map(({ providerId, providerInfo, rawInfo }) => ({
      provider: providerId,
      info: printable(rawInfo ?? Buffer.from(providerInfo)),
    })),
    frameLength: layout.frameLength,
    headerSize: layout.headerSize,
    plaintextSize: layout.plaintextSize,
    sealedSize: layout.sealedSize,
  };
}

// A raw AES keyring's info is the key name followed by binary lengths and an IV (specification, "Raw
// AES keyring"): show the name.
function printable(info: Uint8Array): string {
  const text = Buffer.from(info);
  const nameLength = text.byteLength - 4 - 4 - 12;
  const isRawAes = nameLength > 0 && text.readUInt32BE(nameLength) === 128 && text.readUInt32BE(nameLength + 4) === 12;
  return (isRawAes ? text.subarray(0, nameLength) : text).toString('utf8').replace(/\p{Cc}/gu, '\ufffd');
}
