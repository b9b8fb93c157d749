// What lies in the store opens with the official Encryption SDK clients and the exported key.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CliBox, expectDone, expectFailure, makeCliBox } from '../support/cli.ts';
import { missingPython, runPythonCli } from '../support/python.ts';

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
  const sealed = await readFile(await putObject(plaintext));
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

test('an object opens with aws-encryption-cli, which is told the context', async (context) => {
  const reason = missingPython();
  if (reason !== undefined) context.skip(reason);
  const plaintext = Buffer.alloc(2 * 262_144, 'claim_id,patient_id\n'); // whole frames: it takes no full final one
  const object = await putObject(plaintext);
  const open = async (alias: string, dataset: string) => {
    const key = ['-w', 'provider=glovebox-interop::raw', `key=${await exportFile(alias)}`];
    const pairs = ['-c', 'glovebox:workspace=claims', `glovebox:dataset=${dataset}`];
    return runPythonCli(['-d', '-S', '-i', object, '-o', '-', ...key, ...pairs]);
  };
  const { code, stdout, stderr } = await open('raw', 'claims-raw');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.equals(plaintext)).toBe(true);
  expect((await open('raw', 'claims-features')).stdout).toHaveLength(0);
  expect(await open('features', 'claims-raw')).toMatchObject({ code: 1, stdout: Buffer.alloc(0) });
});

/** Puts the one object of the dataset. @returns the path of its sealed form. */
async function putObject(plaintext: Buffer): Promise<string> {
  expectDone(await box.glovebox(['put', '-', 'claims-raw/a.csv'], { input: plaintext }));
  const folder = join(box.data, 'claims-raw', 'objects');
  return join(folder, (await readdir(folder))[0] as string);
}

async function exportFile(alias: string): Promise<string> {
  const file = join(box.folder, `${alias}.json`);
  await rm(file, { force: true });
  expectDone(await box.glovebox(['key', 'export', alias, '-o', file]));
  return file;
}

async function exportKey(alias: string): Promise<Exported> {
  return JSON.parse(await readFile(await exportFile(alias), 'utf8')) as Exported;
}

test('a disabled key is not exported', async () => {
  expectDone(await box.glovebox(['key', 'disable', 'raw']));
  expectFailure(await box.glovebox(['key', 'export', 'raw', '-o', join(box.folder, 'raw.json')]), 3);
});
