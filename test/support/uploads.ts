// A workspace with uploads in it, for tests that interrupt them and tamper with them.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Upload } from '../../src/vault/index.ts';
import { type Box, collect, makeBox } from './box.ts';

export const RAW = 'claims-raw';
/** Plaintext bytes in a frame of these uploads. */
export const FRAME = 100;
export const SMALL = { frameLength: FRAME };

export interface UploadBox extends Box {
  /** An object's plaintext, through a vault that has nothing cached. */
  read(path: string): Promise<Buffer>;
  /** The file names in a folder of a dataset; none where there is no folder. */
  files(kind: string): Promise<string[]>;
  segmentFile(id: string, number: number, dataset?: string): string;
  begin(path: string, frameLength?: number): Promise<Upload>;
  /** As after a crash: a vault that knows nothing takes the upload over. */
  resume(id: string, frameLength?: number): Promise<Upload>;
  /** An upload of `parts`, a segment each: after each a sync, and then a crash but for the last. */
  uploadInParts(path: string, parts: Uint8Array[], dataset?: string): Promise<Upload>;
  /** No upload, no segment, no temporary file, and that many objects. */
  expectNothingLeft(objects: number): Promise<void>;
}

/** Makes a workspace; `remove` also closes what handles that were given up for dead hold open. */
export async function makeUploadBox(): Promise<UploadBox> {
  const box = await makeBox();
  const handles: Upload[] = [];
  const keep = (upload: Upload): Upload => {
    handles.push(upload);
    return upload;
  };
  const resumeIn = async (dataset: string, id: string, frameLength = FRAME): Promise<Upload> =>
    keep(await (await box.reopen()).resumeUpload(dataset, id, { frameLength }));
  const files = async (kind: string): Promise<string[]> =>
    (await readdir(join(box.dataFolder, RAW, kind)).catch((): string[] => [])).sort();
  return {
    ...box,
    files,
    read: async (path) => collect((await (await box.reopen()).get(RAW, path)).chunks),
    segmentFile: (id, number, dataset = RAW) => join(box.dataFolder, dataset, 'segments', `${id}.${number}`),
    begin: async (path, frameLength = FRAME) => keep(await box.vault.beginUpload(RAW, path, { frameLength })),
    resume: (id, frameLength) => resumeIn(RAW, id, frameLength),
    async uploadInParts(path, parts, dataset = RAW) {
      let upload = keep(await box.vault.beginUpload(dataset, path, SMALL));
      for (const [index, part] of parts.entries()) {
        if (index > 0) upload = await resumeIn(dataset, upload.id);
        await upload.write(part);
        await upload.sync();
      }
      return upload;
    },
    async expectNothingLeft(objects) {
      expect(await box.vault.listUploads(RAW)).toEqual([]);
      expect(await files('segments')).toEqual([]);
      expect(await files('tmp')).toEqual([]);
      expect(await files('objects')).toHaveLength(objects);
    },
    async remove() {
      await Promise.allSettled(handles.map((handle) => handle.abort()));
      await box.remove();
    },
  };
}

/** `done`, or the code of the error. */
export function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );
}
