// An object of a dataset as what is sent: opened through the vault, or its sealed bytes as they are.
import type { SealedObject, Vault } from '../vault/index.ts';
import type { PushSource } from './push-source.ts';

const CHUNK_BYTES = 1024 * 1024;
const MODE = 0o600;

/** Which object. */
export interface ObjectPlace {
  vault: Pick<Vault, 'openForReading' | 'openSealed'>;
  dataset: string;
  version?: string;
  /** Its name in the dataset. */
  object: string;
}

/** Its plaintext. Each frame verifies before it is sent (I2). @param size what is known of it */
export function objectSource({ vault, dataset, version, object }: ObjectPlace, path: string, size = 0): PushSource {
  const options = version === undefined ? {} : { version };
  const open = () => vault.openForReading(dataset, object, options);
  let reading: ReturnType<typeof open> | undefined;
  const source: PushSource = {
    path,
    size,
    mode: MODE,
    async identity() {
      // Opened here: one decision for each attempt.
      reading = open();
      const { info } = await reading;
      source.size = info.size;
      return `object:${info.messageId}`;
    },
    async open() {
      const opened = await (reading ?? open());
      reading = undefined;
      return {
        chunks: wiping(opened.chunks(0, opened.info.size)),
        confirm: async () => undefined,
        close: () => opened.close(),
      };
    },
  };
  return source;
}

async function* wiping(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    chunk.fill(0);
  }
}

/** Its sealed bytes: whoever has no key gets nothing of it. */
export function sealedSource({ vault, dataset, version, object }: ObjectPlace, path: string, size = 0): PushSource {
  const open = () => vault.openSealed(dataset, object, version === undefined ? {} : { version });
  let reading: ReturnType<typeof open> | undefined;
  const source: PushSource = {
    path,
    size,
    mode: MODE,
    async identity() {
      reading = open();
      const { info, reader } = await reading;
      source.size = reader.size;
      return `sealed:${info.messageId}`;
    },
    async open() {
      const { reader } = await (reading ?? open());
      reading = undefined;
      return { chunks: readAll(reader), confirm: async () => undefined, close: () => reader.close() };
    },
  };
  return source;
}

async function* readAll(reader: SealedObject['reader']): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let position = 0; position < reader.size; ) {
    const length = await reader.read(buffer, position);
    if (length === 0) return;
    position += length;
    yield buffer.subarray(0, length);
  }
}
