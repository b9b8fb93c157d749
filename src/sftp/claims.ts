// What each request touches, so that those for one file keep their order.
import type { Handles } from './handles.ts';
import { OPEN_FLAG } from './message-types.ts';
import type { Claim } from './order.ts';
import { resolvePath } from './paths.ts';
import type { Request } from './requests.ts';

const NOTHING: Claim = { paths: [], kind: 'read' };

/** The claim of `request`. What names no open handle touches nothing. @throws SftpError `PATH` */
export function claimOf(request: Request, handles: Handles): Claim {
  const ofHandle = (handle: Buffer, kind: Claim['kind']): Claim => {
    const path = handles.find(handle)?.path;
    return path === undefined ? NOTHING : { paths: [path], kind };
  };
  switch (request.type) {
    case 'read':
    case 'fstat':
      return ofHandle(request.handle, 'read');
    case 'write':
    case 'close':
    case 'fsync':
    case 'fsetstat':
    case 'readdir':
      return ofHandle(request.handle, 'change');
    case 'open': {
      const kind = request.flags & ~OPEN_FLAG.read ? 'change' : 'read';
      return { paths: [resolvePath(request.path)], kind };
    }
    case 'stat':
    case 'lstat':
    case 'opendir':
      return { paths: [resolvePath(request.path)], kind: 'read' };
    case 'setstat':
      return { paths: [resolvePath(request.path)], kind: 'change' };
    case 'remove':
    case 'mkdir':
    case 'rmdir':
      return { paths: [resolvePath(request.path)], kind: 'tree' };
    case 'rename':
    case 'posix-rename':
      return { paths: [resolvePath(request.from), resolvePath(request.to)], kind: 'tree' };
    default:
      return NOTHING;
  }
}
