// Bounds on what an attacker can write, checked before memory is reserved.

/** Plaintext bytes in a frame that we write; 5 to 7 microseconds of fixed cost each (bench/seal). */
export const DEFAULT_FRAME_LENGTH = 256 * 1024;
/** Largest frame length that we open or write. */
export const MAX_FRAME_LENGTH = 64 * 1024 * 1024;
/** Largest body of an unframed message, which must be held whole before its tag is known. */
export const MAX_UNFRAMED_LENGTH = 64 * 1024 * 1024;
/** Largest signature in a footer: DER of two 49-byte integers (ECDSA P-384, RFC 5480 and RFC 3279). */
export const MAX_SIGNATURE_LENGTH = 104;
/** Largest header, its tag included. */
export const MAX_HEADER_SIZE = 64 * 1024;
/** Largest serialized encryption context. */
export const MAX_CONTEXT_SIZE = 8 * 1024;
/** Most wrapped data keys in a header. */
export const MAX_WRAPPED_KEYS = 16;
/** Most worker threads for one file. */
export const MAX_THREADS = 64;
/** The format's last sequence number; 0xFFFFFFFF marks the final frame. */
export const MAX_SEQUENCE_NUMBER = 0xffff_fffe;
/** Decompressed bytes that are free of the ratio bound. */
export const RATIO_FREE_BYTES = 64 * 1024 * 1024;
/** Default bound of decompressed to compressed bytes. */
export const DEFAULT_MAX_RATIO = 200;
