// Bounds on what the other side can send, checked before memory is reserved. As OpenSSH's sftp-server has them.

/** Largest packet, without its length field (SFTP_MAX_MSG_LENGTH of OpenSSH). */
export const MAX_PACKET_LENGTH = 256 * 1024;
/** Most bytes of data in one READ or WRITE. */
export const MAX_DATA_LENGTH = MAX_PACKET_LENGTH - 1024;
/** What every server takes (draft-ietf-secsh-filexfer-02, section 3: packets of 34000 bytes, 32768 of them data). */
export const SAFE_DATA_LENGTH = 32 * 1024;
/** Longest handle (section 6.3). */
export const MAX_HANDLE_LENGTH = 256;
/** Longest path, in bytes of UTF-8 (PATH_MAX of Linux). */
export const MAX_PATH_LENGTH = 4096;
/** Longest name of an extension, and longest value that is read of one in VERSION. */
export const MAX_EXTENSION_LENGTH = 1024;
/** Most extensions in INIT or VERSION, and most extended attributes of a file. */
export const MAX_EXTENSIONS = 64;
