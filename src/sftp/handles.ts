// What a session has open: files and listings, each behind a handle, and no more than so many.
import { SftpError } from './error.ts';
import type { DirectoryEntry, OpenForReading, OpenForWriting } from './files.ts';

export type OpenThing = { path: string } & (
  | { kind: 'reading'; file: OpenForReading }
  | { kind: 'writing'; file: OpenForWriting; isReadable: boolean }
  | { kind: 'listing'; entries: AsyncIterator<DirectoryEntry> }
);

export interface Handles {
  /** Opens with `open`, and gives what that resolves to a handle. @throws SftpError `LIMIT`; what `open` throws */
  add(open: () => Promise<OpenThing>): Promise<Buffer>;
  find(handle: Buffer): OpenThing | undefined;
  /** @throws SftpError `HANDLE` */
  get(handle: Buffer): OpenThing;
  /** From now on there is no such handle. @throws SftpError `HANDLE` */
  take(handle: Buffer): OpenThing;
  /** All that are open; from now on there are none. */
  takeAll(): OpenThing[];
}

export function makeHandles(maxHandles: number): Handles {
  const open = new Map<string, OpenThing>();
  let taken = 0;
  let next = 0;
  const handles: Handles = {
    async add(begin) {
      if (taken >= maxHandles) throw new SftpError('LIMIT', `${maxHandles} files and folders are open already`);
      taken += 1;
      try {
        const thing = await begin();
        const handle = Buffer.alloc(8);
        // No handle is given out twice in a session: a late request never meets another file.
        handle.writeBigUInt64BE(BigInt(next));
        next += 1;
        open.set(handle.toString('latin1'), thing);
        return handle;
      } catch (error) {
        taken -= 1;
        throw error;
      }
    },
    find: (handle) => open.get(handle.toString('latin1')),
    get(handle) {
      const thing = handles.find(handle);
      if (thing === undefined) throw new SftpError('HANDLE', 'there is no such handle');
      return thing;
    },
    take(handle) {
      const thing = handles.get(handle);
      open.delete(handle.toString('latin1'));
      taken -= 1;
      return thing;
    },
    takeAll() {
      const things = [...open.values()];
      taken -= open.size;
      open.clear();
      return things;
    },
  };
  return handles;
}
