// The door of sftp/: version 3 of the SSH File Transfer Protocol. gateway/ serves with it, transfer/ asks with it.
export { type Attributes, FILE_TYPE } from './attributes.ts';
export { openSftp } from './client.ts';
export type { ListedEntry, Listing } from './client-listing.ts';
export type { Handle } from './client-requests.ts';
export type { DownloadOptions, SftpClient, UploadOptions } from './client-types.ts';
export { errorOfStatus, SftpError, type SftpErrorCode, STATUS } from './error.ts';
export { decodeLimits, decodeSpace, type ServerLimits, type SpaceInfo } from './extensions.ts';
export type {
  DirectoryEntry,
  FileInfo,
  OpenForReading,
  OpenForWriting,
  SftpFiles,
  WriteFlags,
} from './files.ts';
export { readChunks, readPackets } from './framing.ts';
export { joinChannel } from './joined-channel.ts';
export { MAX_DATA_LENGTH, MAX_PACKET_LENGTH, SAFE_DATA_LENGTH } from './limits.ts';
export { OPEN_FLAG } from './message-types.ts';
export { resolvePath } from './paths.ts';
export { decodeReply, type NameEntry, type Reply } from './replies.ts';
export { EXTENSIONS, encodeRequest, encodeWriteHeader, type Request, type RequestBody } from './requests.ts';
export { type ServeOptions, serveSftp } from './server.ts';
export { decodeVersion, encodeInit, type Hello, PARTIAL_UPLOAD } from './versions.ts';
