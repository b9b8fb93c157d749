// The shapes that seal/ gives and takes. Sizes are bytes; message ids are 64 lower-case hex digits.
import type { KeyringNode } from '@aws-crypto/material-management-node';

/** Non-secret key-value pairs, bound to the message and logged by KMS. */
export type EncryptionContext = Record<string, string>;

/** Random access to sealed bytes; implemented by the store. */
export interface SealedSource {
  /** Whole length of the sealed message in bytes. */
  size: number;
  /** Fills `buffer` from `offset`; resolves to the bytes read, fewer only at the end. */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  /** A file descriptor that synchronous workers may pread, where the store has one. */
  descriptor?: number;
}

/** What sealing a whole plaintext came to. */
export interface SealedSummary {
  messageId: string;
  plaintextSize: number;
  sealedSize: number;
  /** SHA-256 of the plaintext, lower-case hex. */
  sha256: string;
}

export interface SealOptions {
  keyring: KeyringNode;
  context: EncryptionContext;
  /** Plaintext bytes in a frame; default 262144. */
  frameLength?: number;
  signal?: AbortSignal;
}

export interface OpenOptions {
  keyring: KeyringNode;
  /** Pairs that the message's context must hold exactly (I5). */
  context: EncryptionContext;
  /** The message id that the object's record names; another one is an error (I2). */
  messageId?: string;
  /** The plaintext size that the object's record names; another one is an error (I2). */
  plaintextSize?: number;
  /**
   * Also opens messages of version 1, without key commitment, and unframed ones, where they can be opened
   * whole (`openStream`, `verify`). Off by default: without commitment one message can be made that opens to
   * different plaintexts under different keys.
   */
  allowNonCommitting?: boolean;
  signal?: AbortSignal;
}

/** A message in the making: `chunks` yields header, frames and final frame in order. */
export interface SealingStream {
  /** Known at once: the object's future name. */
  messageId: string;
  chunks: AsyncIterable<Uint8Array>;
  /** Resolves when `chunks` has been consumed to its end; rejects when sealing failed. */
  summary: Promise<SealedSummary>;
}

/** A verified message (header, commitment and final frame checked): plaintext frame by frame. */
export interface OpenedStream {
  messageId: string;
  plaintextSize: number;
  context: EncryptionContext;
  /** Each chunk is one frame whose tag has verified (I2). Leaving early releases all resources. */
  chunks: AsyncIterable<Uint8Array>;
}

/** What `inspect` reads from a message without any key. Nothing in it is authenticated. */
export interface Inspection {
  messageId: string;
  /** Of the message format: 1 or 2. */
  version: number;
  suite: string;
  committing: boolean;
  signed: boolean;
  context: EncryptionContext;
  wrappedKeys: { provider: string; info: string }[];
  /** Plaintext bytes; 0 where the message is not framed. */
  frameLength: number;
  headerSize: number;
  plaintextSize: number;
  sealedSize: number;
}
