// The door of store/: bytes at rest. It knows nothing of cryptography.
export { openDirectoryStore } from './dir.ts';
export { MAX_ENTRY_BYTES } from './entries.ts';
export { StoreError, type StoreErrorCode, toStoreError } from './error.ts';
export { checkDataset, checkEntryName, compareNames, isObjectId, isUploadId } from './names.ts';
export type {
  DatasetName,
  Entry,
  EntryKind,
  ETag,
  ObjectReader,
  ObjectWriter,
  SegmentAppender,
  SegmentInfo,
  SegmentReader,
  Store,
} from './types.ts';
