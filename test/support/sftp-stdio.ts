// Serves files in memory over standard input and output, as a subsystem of sshd would: for `sftp -D`.
import { joinChannel, serveSftp } from '../../src/sftp/index.ts';
import { makeMemoryFiles } from './memory-files.ts';

await serveSftp(joinChannel(process.stdin, process.stdout), makeMemoryFiles());
