// Message headers: made, parsed and unlocked through the official packages. Bounds are ours.
import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  AlgorithmSuiteIdentifier,
  CommitmentPolicy,
  CommitmentPolicySuites,
  getDecryptionHelper,
  getEncryptHelper,
  type KeyringNode,
  NodeAlgorithmSuite,
  type NodeDecryptionMaterial,
  NodeDefaultCryptographicMaterialsManager,
  type NodeEncryptionMaterial,
  unwrapDataKey,
} from '@aws-crypto/material-management-node';
import { deserializeFactory, type HeaderInfo, kdfCommitKeyInfo, serializeFactory } from '@aws-crypto/serialize';
import { SealError } from './error.ts';
import type { FrameKey } from './frame.ts';
import { MAX_CONTEXT_SIZE, MAX_FRAME_LENGTH, MAX_HEADER_SIZE, MAX_WRAPPED_KEYS } from './limits.ts';
import type { EncryptionContext, SealedSource } from './types.ts';

const SUITE_ID = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
const POLICY = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT;
const MESSAGE_ID_LENGTH = 32;
/** Where the context's length stands: version, (type,) suite and message id come before it. */
const CONTEXT_AT_V1 = 1 + 1 + 2 + 16;
const CONTEXT_AT_V2 = 1 + 2 + MESSAGE_ID_LENGTH;
/** The one type that version 1 has: customer authenticated encrypted data. */
const TYPE_V1 = 0x80;
/** Content types of the header (specification, "Content type"). */
const UNFRAMED = 1;
const FRAMED = 2;
const FIRST_READ = 4096;

const toUtf8 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
const fromUtf8 = (text: string) => Buffer.from(text, 'utf8');
// RawAesKeyringNode and other languages sort the context by UTF-8 bytes: so do we.
const serialize = serializeFactory(fromUtf8, { utf8Sorting: true });
const deserialize = deserializeFactory(toUtf8, NodeAlgorithmSuite);
// For the context alone (a provider's info may be binary): what is not UTF-8 would read as U+FFFD, and two
// contexts as one.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const strict = deserializeFactory((bytes) => utf8.decode(bytes), NodeAlgorithmSuite);

/** A new message's header with its tag, and the key that seals its frames. */
export interface NewHeader extends FrameKey {
  messageId: Buffer;
  bytes: Buffer;
}

/**
 * Makes a header: a fresh data key from `keyring`, a random message id, suite 0x0478.
 *
 * @throws SealError `WRAP_FAILED` when the keyring gives no data key, `LIMIT` for a frame length or a
 *   context out of bounds.
 */
export async function createHeader(
  keyring: KeyringNode,
  context: EncryptionContext,
  frameLength: number,
): Promise<NewHeader> {
  if (!Number.isInteger(frameLength) || frameLength < 1 || frameLength > MAX_FRAME_LENGTH) {
    throw new SealError('LIMIT', `a frame length must lie between 1 and ${MAX_FRAME_LENGTH} bytes`);
  }
  if (serialize.serializeEncryptionContext(context).byteLength > MAX_CONTEXT_SIZE) {
    throw new SealError('LIMIT', `the encryption context takes more than ${MAX_CONTEXT_SIZE} bytes`);
  }
  const material = await encryptionMaterial(keyring, context);
  const { getCipherInfo, dispose } = getEncryptHelper(material);
  try {
    if (material.encryptedDataKeys.length > MAX_WRAPPED_KEYS) {
      throw new SealError('LIMIT', `a message cannot be sealed for more than ${MAX_WRAPPED_KEYS} keys`);
    }
    const messageId = randomBytes(MESSAGE_ID_LENGTH);
    const { getCipher, keyCommitment } = getCipherInfo(messageId);
    if (!keyCommitment) throw new SealError('UNSUPPORTED', 'the suite has no key commitment');
    const header = serialize.serializeMessageHeader(
      serialize.buildMessageHeader({
        suite: material.suite,
        encryptedDataKeys: material.encryptedDataKeys,
        encryptionContext: material.encryptionContext,
        messageId,
        frameLength,
        suiteData: keyCommitment,
      }),
    );
    const cipher = getCipher(serialize.headerAuthIv(material.suite.ivLength)).setAAD(Buffer.from(header));
    cipher.final();
    const bytes = Buffer.concat([header, cipher.getAuthTag()]);
    if (bytes.byteLength > MAX_HEADER_SIZE) throw new SealError('LIMIT', 'the header is too large');
    return { bytes, messageId, key: deriveFrameKey(material, messageId) };
  } finally {
    dispose();
  }
}

/** A header as it lies there. Nothing in it is authenticated. */
export interface ParsedHeader {
  info: HeaderInfo;
  /** With the tag: where the first frame begins. */
  size: number;
  /** Version 1, without key commitment, or unframed: opened through the official client, if at all. */
  isLegacy: boolean;
  /** Whether a footer with a signature ends the message. */
  isSigned: boolean;
}

/**
 * Reads and parses the header, within the bounds of `limits.ts`.
 *
 * @throws SealError `TRUNCATED`, `HEADER_INVALID`, `LIMIT`
 */
export async function readHeader(source: SealedSource): Promise<ParsedHeader> {
  for (const length of [FIRST_READ, MAX_HEADER_SIZE]) {
    const buffer = Buffer.alloc(Math.min(length, source.size));
    if ((await source.read(buffer, 0)) < buffer.byteLength) throw new SealError('TRUNCATED', 'the header is cut off');
    const header = parseHeader(buffer);
    if (header) return header;
    if (buffer.byteLength === source.size) throw new SealError('TRUNCATED', 'the header is cut off');
  }
  throw new SealError('LIMIT', `the header takes more than ${MAX_HEADER_SIZE} bytes`);
}

/**
 * Parses a header at the start of `buffer`.
 *
 * @returns `undefined` where more bytes are needed
 * @throws SealError `HEADER_INVALID`, `LIMIT`, `TRUNCATED` for no bytes at all
 */
export function parseHeader(buffer: Buffer): ParsedHeader | undefined {
  const info = deserializeHeader(buffer);
  if (!info) return undefined;
  checkFrameLength(info);
  return {
    info,
    size: info.headerLength + info.headerAuth.headerAuthLength,
    isLegacy: info.algorithmSuite.commitment !== 'KEY' || info.messageHeader.contentType !== FRAMED,
    isSigned: info.algorithmSuite.signatureHash !== undefined,
  };
}

/** Takes the message's bytes in order, up to the footer, and says whether the footer's signature is theirs. */
export interface SignatureVerifier {
  update(bytes: Uint8Array): void;
  verify(signature: Uint8Array): boolean;
}

/** The key that opens the frames; in a signed message also what verifies the footer. */
export interface UnlockedHeader extends FrameKey {
  signature?: SignatureVerifier;
}

/**
 * Unwraps the data key and verifies commitment and header tag of a committing message.
 *
 * @throws SealError `UNWRAP_FAILED`, `COMMITMENT`, `HEADER_AUTH`
 */
export async function unlockHeader(header: ParsedHeader, keyring: KeyringNode): Promise<UnlockedHeader> {
  const messageId = Buffer.from(header.info.messageHeader.messageId);
  const { result: key, signature } = await authenticate(header, keyring, (material) =>
    deriveFrameKey(material, messageId),
  );
  return { messageId, key, ...(signature && { signature }) };
}

/** As `unlockHeader`, for a message whose frames the official client opens: gives no key. */
export async function authenticateHeader(
  header: ParsedHeader,
  keyring: KeyringNode,
): Promise<SignatureVerifier | undefined> {
  return (await authenticate(header, keyring, () => undefined)).signature;
}

async function authenticate<Result>(
  { info }: ParsedHeader,
  keyring: KeyringNode,
  use: (material: NodeDecryptionMaterial) => Result,
): Promise<{ result: Result; signature: SignatureVerifier | undefined }> {
  const material = await decryptionMaterial(info, keyring);
  const { getDecipherInfo, getVerify, dispose } = getDecryptionHelper(material);
  try {
    const decipher = checkCommitment(
      getDecipherInfo,
      info,
    )(info.headerAuth.headerIv)
      .setAAD(Buffer.from(info.rawHeader))
      .setAuthTag(Buffer.from(info.headerAuth.headerAuthTag));
    try {
      decipher.final();
    } catch (cause) {
      throw new SealError('HEADER_AUTH', 'the header does not verify', { cause });
    }
    const verifier = getVerify?.();
    const signature = verifier && {
      update: (bytes: Uint8Array) =>
        void verifier.update(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
      verify: (bytes: Uint8Array) => verifier.awsCryptoVerify(Buffer.from(bytes)),
    };
    return { result: use(material), signature };
  } finally {
    dispose();
  }
}

async function encryptionMaterial(keyring: KeyringNode, encryptionContext: EncryptionContext) {
  const suite = new NodeAlgorithmSuite(SUITE_ID);
  CommitmentPolicySuites.isEncryptEnabled(POLICY, suite);
  try {
    const manager = new NodeDefaultCryptographicMaterialsManager(keyring);
    const material = await manager.getEncryptionMaterials({ suite, encryptionContext, commitmentPolicy: POLICY });
    CommitmentPolicySuites.isEncryptEnabled(POLICY, material.suite);
    return material;
  } catch (cause) {
    throw new SealError('WRAP_FAILED', 'the key gave no data key to seal with', { cause });
  }
}

async function decryptionMaterial(info: HeaderInfo, keyring: KeyringNode): Promise<NodeDecryptionMaterial> {
  const { encryptionContext, encryptedDataKeys } = info.messageHeader;
  try {
    const manager = new NodeDefaultCryptographicMaterialsManager(keyring);
    const suite = new NodeAlgorithmSuite(info.algorithmSuite.id);
    return await manager.decryptMaterials({ suite, encryptionContext, encryptedDataKeys });
  } catch (cause) {
    throw new SealError('UNWRAP_FAILED', 'the key does not open this object', {
      cause,
      hint: 'the object was sealed under another key, or its header was altered',
    });
  }
}

function checkCommitment(
  getDecipherInfo: ReturnType<typeof getDecryptionHelper>['getDecipherInfo'],
  info: HeaderInfo,
): ReturnType<typeof getDecipherInfo> {
  const header = info.messageHeader;
  try {
    return getDecipherInfo(header.messageId, 'suiteData' in header ? header.suiteData : undefined);
  } catch (cause) {
    throw new SealError('COMMITMENT', 'the data key is not the one that the header commits to', { cause });
  }
}

// The helpers of the official package give closures only; workers need the key itself.
// Specification: "Key derivation", HKDF-SHA-512 with the message id as salt and the suite's key label.
function deriveFrameKey(material: NodeEncryptionMaterial | NodeDecryptionMaterial, messageId: Uint8Array): KeyObject {
  const kept = material.getUnencryptedDataKey();
  const dataKey = unwrapDataKey(kept);
  const { keyLabel } = kdfCommitKeyInfo(material.suite);
  const derived = new Uint8Array(hkdfSync('sha512', dataKey, messageId, keyLabel, material.suite.keyLengthBytes));
  const key = createSecretKey(derived);
  derived.fill(0);
  // A copy where the material keeps a KeyObject; else it is the material's own, which `dispose` wipes.
  if (dataKey !== kept) dataKey.fill(0);
  return key;
}

function deserializeHeader(buffer: Buffer): HeaderInfo | false {
  if (buffer.byteLength === 0) throw new SealError('TRUNCATED', 'the object is empty');
  const contextAt = buffer[0] === 1 ? CONTEXT_AT_V1 : CONTEXT_AT_V2;
  const isKnown = buffer[0] === 2 || (buffer[0] === 1 && buffer[1] === TYPE_V1);
  if (isKnown && buffer.byteLength >= contextAt + 2 && buffer.readUInt16BE(contextAt) > MAX_CONTEXT_SIZE) {
    throw new SealError('LIMIT', `the encryption context takes more than ${MAX_CONTEXT_SIZE} bytes`);
  }
  try {
    const info = deserialize.deserializeMessageHeader(buffer, { maxEncryptedDataKeys: MAX_WRAPPED_KEYS });
    if (info)
      strict.decodeEncryptionContext(buffer.subarray(contextAt + 2, contextAt + 2 + buffer.readUInt16BE(contextAt)));
    return info;
  } catch (cause) {
    if (cause instanceof Error && cause.message.startsWith('maxEncryptedDataKeys')) {
      throw new SealError('LIMIT', `the header has more than ${MAX_WRAPPED_KEYS} wrapped keys`, { cause });
    }
    throw new SealError('HEADER_INVALID', 'this is not a sealed object', { cause });
  }
}

function checkFrameLength({ messageHeader: { contentType, frameLength } }: HeaderInfo): void {
  if (contentType === UNFRAMED && frameLength === 0) return;
  if (contentType !== FRAMED || frameLength < 1) {
    throw new SealError('HEADER_INVALID', 'the header names no frame length');
  }
  if (frameLength > MAX_FRAME_LENGTH) {
    throw new SealError('LIMIT', `a frame length of ${frameLength} bytes is over the limit of ${MAX_FRAME_LENGTH}`);
  }
}
