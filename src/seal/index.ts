// The door of seal/: the message format. Only vault/ may import it.
export { SealError, type SealErrorCode } from './error.ts';
export { inspect } from './inspect.ts';
export { type OpeningPipe, openToPipe, type PipeTarget } from './open-pipe.ts';
export { openStream } from './open-stream.ts';
export type { Compression, PipeProgress } from './pipe-job.ts';
export { type FileTarget, type SealedPipe, type SealingPipe, sealFromPipe } from './seal-pipe.ts';
export { sealStream } from './seal-stream.ts';
export type {
  EncryptionContext,
  Inspection,
  OpenedStream,
  OpenOptions,
  SealedSource,
  SealedSummary,
  SealingStream,
  SealOptions,
} from './types.ts';
