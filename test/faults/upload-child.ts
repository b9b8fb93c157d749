// A process that uploads, for tests that kill it. `node upload-child.ts JOB FOLDER ID PATH SEED SIZE NUMBER`
// FOLDER is that of `makeBox`; ID is `-` for a new upload; the source is `uploadSource(SEED, SIZE)`.
import { join } from 'node:path';
import { openLocalKeys } from '../../src/keys/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { openDataset } from '../../src/vault/dataset.ts';
import { openVault, type Upload } from '../../src/vault/index.ts';
import { beginUpload, resumeUpload } from '../../src/vault/uploads.ts';
import { loadWorkspace, STATE_FOLDER } from '../../src/workspace/index.ts';
import { makeRandom } from '../support/random.ts';
import { uploadSource } from '../support/upload-source.ts';

const [job = '', folder = '', id = '', path = '', seed = '', size = '', number = ''] = process.argv.slice(2);
const RAW = 'claims-raw';
const settings = { frameLength: 1024 };
const source = uploadSource(Number(seed), Number(size));
const workspaceFolder = join(folder, 'workspace');
const workspace = await loadWorkspace(workspaceFolder);
const root = { file: join(folder, 'config', 'root.key') };
const keys = await openLocalKeys({ directory: join(workspaceFolder, STATE_FOLDER), root });

const jobs: Record<string, () => Promise<void>> = {
  /**
   * Goes on with the upload and completes it, in chunks of random sizes. Tells where it begins and what it made
   * durable, and says `.` at the byte NUMBER: then somebody kills it, while it goes on. With a NUMBER behind the
   * end it is left alone.
   */
  async write() {
    const vault = openVault(workspace, keys);
    const upload =
      id === '-' ? await vault.beginUpload(RAW, path, settings) : await vault.resumeUpload(RAW, id, settings);
    process.stdout.write(`${upload.id} ${upload.size}\n`);
    const random = makeRandom(Number(seed) + upload.size + 1);
    let told = false;
    const tell = (): void => {
      if (!told && upload.size >= Number(number)) process.stdout.write('.');
      told ||= upload.size >= Number(number);
    };
    while (upload.size < source.byteLength) {
      tell();
      const length = 1 + Math.floor(random() ** 3 * 5000);
      const chunk = source.subarray(upload.size, upload.size + length);
      await upload.write(chunk);
      if (random() < 0.05) process.stdout.write(` ${await upload.sync()}\n`);
    }
    if (random() < 0.3) process.stdout.write(` ${await upload.sync()}\n`);
    tell();
    await upload.complete();
  },

  /** Completes the upload, and kills itself right before the NUMBERth call to the store that this takes. */
  async complete() {
    const config = workspace.datasets[RAW];
    if (config === undefined) throw new Error('no dataset');
    const calls = { left: Number.POSITIVE_INFINITY };
    const store = killing(openDirectoryStore(join(workspaceFolder, 'data')), calls);
    const dataset = openDataset(workspace.name, RAW, config, store, keys);
    let upload: Upload;
    if (id === '-') {
      upload = await beginUpload(dataset, path, 'test', settings);
      await upload.write(source);
    } else upload = await resumeUpload(dataset, id, settings);
    process.stdout.write(`${upload.id} ${upload.size}\n`);
    calls.left = Number(number);
    await upload.complete();
  },
};

/** `target` whose methods, and those of what they resolve to, count down `calls.left` and kill the process at 0. */
function killing<Target extends object>(target: Target, calls: { left: number }): Target {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls.left -= 1;
        if (calls.left === 0) process.kill(process.pid, 'SIGKILL');
        const result: unknown = Reflect.apply(value, target, args);
        if (!(result instanceof Promise)) return result;
        return result.then((inner: unknown) => (isWriter(inner) ? killing(inner, calls) : inner));
      };
    },
  });
}

function isWriter(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'write' in value;
}

await jobs[job]?.();
