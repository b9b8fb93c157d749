// What lies in the store opens with the official Encryption SDK client and the exported key.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CliBox, expectDone, expectFailure, makeCliBox } from '../support/cli.ts';

interface Exported {
  keyNamespace: string;
  keyName: string;
  keyMaterial: string;
}

let box: CliBox;
beforeEach(async () => {
  box = await makeCliBox({ example: 'claims' });
});
afterEach(() => box.remove());

test('an object opens with the official client, and with the right key only', async () => {
  const plaintext = Buffer.from('claim_id,patient_id\n'.repeat(40_000)); // several frames
  expectDone(await box.glovebox(['put', '-', 'claims-raw/a.csv'], { input: plaintext }));
  const folder = join(box.data, 'claims-raw', 'objects');
  const sealed = await readFile(join(folder, (await readdir(folder))[0] as string));
  const open = async (alias: string): Promise<{ plaintext: Buffer; context: Record<string, string> }> => {
    const key = await exportKey(alias);
    const keyring = new RawAesKeyringNode({
      keyNamespace: key.keyNamespace,
      keyName: key.keyName,
      unencryptedMasterKey: new Uint8Array(Buffer.from(key.keyMaterial, 'base64')),
      wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
      utf8Sorting: true,
    });
    const { decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
    const opened = await decrypt(keyring, sealed);
    return { plaintext: opened.plaintext, context: opened.messageHeader.encryptionContext };
  };
  const opened = await open('raw');
  expect(opened.plaintext.equals(plaintext)).toBe(true);
  expect({ ...opened.context }).toEqual({ 'glovebox:workspace': 'claims', 'glovebox:dataset': 'claims-raw' });
  await expect(open('features')).rejects.toThrow();
});

async function exportKey(alias: string): Promise<Exported> {
  const file = join(box.folder, `${alias}.json`);
  expectDone(await box.glovebox(['key', 'export', alias, '-o', file]));
  return JSON.parse(await readFile(file, 'utf8')) as Exported;
}

test('a disabled key is not exported', async () => {
  expectDone(await box.glovebox(['key', 'disable', 'raw']));
  expectFailure(await box.glovebox(['key', 'export', 'raw', '-o', join(box.folder, 'raw.json')]), 3);
});
