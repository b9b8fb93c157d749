// Deliveries: taken in, checked, accepted, refused; and recovery keys.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AlgorithmSuiteIdentifier, buildClient, CommitmentPolicy, RawRsaKeyringNode } from '@aws-crypto/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Box, collect, makeBox, streamOf } from '../../test/support/box.ts';
import { sourceOf } from '../../test/support/seal.ts';
import { signSsh, sshPublicKey } from '../../test/support/ssh.ts';
import { combineKeyrings, publicKeyKeyring } from '../keys/index.ts';
import { openStream, sealStream } from '../seal/index.ts';
import { openDirectoryStore } from '../store/index.ts';
import { checkSource } from './checked-source.ts';
import { openDataset } from './dataset.ts';
import { parseSshKey } from './ssh-key.ts';

const acme = generateKeyPairSync('ed25519');
const mallory = generateKeyPairSync('ed25519');

const YAML = `workspace: test
keys:
  raw: { provider: local }
  spare: { provider: local }
  far: { provider: local }
  box: { provider: local, use: drop-box }
  open-box: { provider: local, use: drop-box }
stores:
  box: { provider: dir, path: ./data }
datasets:
  signed: { store: box, key: raw, kind: raw, classification: restricted, dropBox: { key: box, signers: [acme] } }
  unsigned: { store: box, key: raw, kind: raw, classification: restricted, dropBox: { key: open-box } }
  plain: { store: box, key: raw, kind: raw, classification: restricted }
  safe: { store: box, key: raw, kind: raw, classification: restricted, recovery: [spare, far] }
roles:
  supplier: { allow: [ { write: signed } ] }
  owner: { policy: { Version: "2012-10-17", Statement: { Effect: Allow, Action: "*", Resource: "*" } } }
users:
  acme: { roles: [supplier], sshKeys: [ "${sshPublicKey(acme.publicKey)}" ] }
  mallory: { roles: [supplier], sshKeys: [ "${sshPublicKey(mallory.publicKey)}" ] }
`;

let box: Box;
beforeAll(async () => {
  box = await makeBox(YAML, { role: 'owner' });
});
afterAll(() => box.remove());

const publicKey = async (alias: string) => publicKeyKeyring((await box.keys.publicKey(alias)).pem);

async function sealFor(alias: string, text: string, context: Record<string, string> = {}): Promise<Buffer> {
  const sealing = await sealStream(streamOf(text), { keyring: await publicKey(alias), context });
  return collect(sealing.chunks);
}

const signatureOf = (sealed: Uint8Array, key: { publicKey: KeyObject; privateKey: KeyObject }) =>
  signSsh(sealed, key.publicKey, (message) => sign(null, message, key.privateKey));
const deliver = (sealed: Uint8Array, name: string, signature = signatureOf(sealed, acme)) =>
  box.vault.receive('signed', name, streamOf(sealed), { signature });
const read = async (dataset: string, path: string): Promise<string> =>
  (await collect((await (await box.reopen()).get(dataset, path)).chunks)).toString();
const objectsIn = async (dataset: string): Promise<string[]> =>
  readdir(join(box.dataFolder, dataset, 'objects')).catch(() => []);
const stateOf = async (dataset: string, id: string) =>
  (await box.vault.deliveries(dataset)).find((delivery) => delivery.id === id);

describe('a delivery', () => {
  test('waits as it came, and becomes an object of the dataset when it is accepted', async () => {
    const sealed = await sealFor('box', 'hello');
    const delivery = await deliver(sealed, 'a/b.csv');
    expect(delivery).toMatchObject({ name: 'a/b.csv', state: 'waiting', signature: 'verified', signer: 'acme' });
    expect(await readFile(join(box.dataFolder, 'signed', 'objects', delivery.id))).toEqual(sealed);
    expect(await box.vault.list('signed')).toEqual([]);
    expect(await box.vault.collect('signed', 0)).toMatchObject({ objects: 0 });
    const { info, signer } = await box.vault.accept('signed', delivery.id);
    expect([info.path, info.size, signer]).toEqual(['a/b.csv', 5, 'acme']);
    expect(await box.vault.list('signed')).toEqual([info]);
    expect(await read('signed', 'a/b.csv')).toBe('hello');
    // Under the dataset's key and context (I5), and nothing else is left.
    const { wrappedKeys, context } = await box.vault.inspect('signed', 'a/b.csv');
    expect(wrappedKeys).toHaveLength(1);
    expect(context).toEqual({ 'glovebox:workspace': 'test', 'glovebox:dataset': 'signed' });
    expect(await objectsIn('signed')).toEqual([info.messageId]);
    const decided = { by: box.vault.writer, messageId: info.messageId };
    expect(await stateOf('signed', delivery.id)).toMatchObject({ state: 'accepted', signer: 'acme', decided });
    await expect(box.vault.accept('signed', delivery.id)).rejects.toMatchObject({ code: 'DELIVERY' });
    await expect(box.vault.reject('signed', delivery.id)).rejects.toMatchObject({ code: 'DELIVERY' });
  });

  test('is never taken twice: while it waits, after it was accepted, after it was rejected', async () => {
    const [one, two] = [await sealFor('box', 'one'), await sealFor('box', 'two')];
    const first = await deliver(one, 'one');
    await expect(deliver(one, 'one')).rejects.toMatchObject({ code: 'EXISTS' });
    await expect(deliver(one, 'another-name')).rejects.toMatchObject({ code: 'EXISTS' });
    await box.vault.accept('signed', first.id);
    await expect(deliver(one, 'one')).rejects.toMatchObject({ code: 'EXISTS' });
    const second = await deliver(two, 'two');
    expect(await box.vault.reject('signed', second.id)).toMatchObject({ state: 'rejected' });
    expect(await objectsIn('signed')).not.toContain(second.id);
    await expect(deliver(two, 'two')).rejects.toMatchObject({ code: 'EXISTS' });
    await expect(box.vault.accept('signed', second.id)).rejects.toMatchObject({ code: 'DELIVERY' });
    expect(await objectsIn('signed')).not.toContain(second.id);
  });

  test('replaces an object only where that is said, and waits on where not', async () => {
    await box.vault.put('signed', 'taken', streamOf('before'));
    const delivery = await deliver(await sealFor('box', 'after'), 'taken');
    await expect(box.vault.accept('signed', delivery.id)).rejects.toMatchObject({ code: 'EXISTS' });
    expect(await read('signed', 'taken')).toBe('before');
    expect(await stateOf('signed', delivery.id)).toMatchObject({ state: 'waiting' });
    await box.vault.accept('signed', delivery.id, { replace: true });
    expect(await read('signed', 'taken')).toBe('after');
  });

  test('opens after the key was rotated; whose bytes do not open is not accepted and leaves nothing', async () => {
    const old = await deliver(await sealFor('box', 'old'), 'old');
    await box.keys.rotate('box');
    const young = await deliver(await sealFor('box', 'young'), 'young');
    for (const { id } of [old, young]) await box.vault.accept('signed', id);
    expect([await read('signed', 'old'), await read('signed', 'young')]).toEqual(['old', 'young']);
    const broken = await sealFor('box', 'broken');
    broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1);
    const delivery = await deliver(broken, 'broken');
    const before = await objectsIn('signed');
    await expect(box.vault.accept('signed', delivery.id)).rejects.toMatchObject({ code: 'FRAME_AUTH' });
    expect(await objectsIn('signed')).toEqual(before);
    expect(await readdir(join(box.dataFolder, 'signed', 'tmp'))).toEqual([]);
    expect(await stateOf('signed', delivery.id)).toMatchObject({ state: 'waiting' });
  });

  test('of many frames, whose context is the own one of the supplier', async () => {
    const text = 'claim,amount\n'.repeat(120_000);
    const delivery = await deliver(await sealFor('box', text, { supplier: 'acme', aws: 'x' }), 'big');
    const counted: number[] = [];
    await box.vault.accept('signed', delivery.id, { onBytes: (bytes) => counted.push(bytes) });
    expect(await read('signed', 'big')).toBe(text);
    expect(counted.at(-1)).toBe(text.length);
    expect((await box.vault.inspect('signed', 'big')).context).not.toHaveProperty('supplier');
  });
});

describe('what is taken in', () => {
  const refuse = async (bytes: Uint8Array, code: string): Promise<void> => {
    const before = [await objectsIn('signed'), await box.vault.deliveries('signed')];
    await expect(deliver(bytes, 'x')).rejects.toMatchObject({ code });
    expect([await objectsIn('signed'), await box.vault.deliveries('signed')]).toEqual(before);
    expect(await readdir(join(box.dataFolder, 'signed', 'tmp'))).toEqual([]);
  };

  test('is a whole message for this drop box, and nothing else', async () => {
    const sealed = await sealFor('box', 'x'.repeat(1000));
    await refuse(Buffer.from('hello'), 'DELIVERY');
    await refuse(Buffer.alloc(0), 'DELIVERY');
    await refuse(sealed.subarray(0, -1), 'DELIVERY');
    await refuse(Buffer.concat([sealed, Buffer.from('x')]), 'DELIVERY');
    await refuse(await sealFor('open-box', 'for another'), 'DELIVERY');
    const own = await sealStream(streamOf('x'), { keyring: await box.keys.keyring('raw'), context: {} });
    await refuse(await collect(own.chunks), 'DELIVERY');
    await expect(deliver(sealed, '../x')).rejects.toMatchObject({ code: 'NAME' });
    await expect(box.vault.receive('plain', 'x', streamOf(sealed))).rejects.toMatchObject({ code: 'KIND' });
  });

  test('may come from any Encryption SDK that commits to the key, signed suite or not', async () => {
    const { pem: publicKey, keyNamespace, keyName } = await box.keys.publicKey('box');
    const keyring = new RawRsaKeyringNode({ keyNamespace, keyName, rsaKey: { publicKey }, oaepHash: 'sha256' });
    const { encrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
    for (const suiteId of [
      AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY,
      AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
    ]) {
      const name = `official-${suiteId}`;
      const sealed = (await encrypt(keyring, 'x'.repeat(9000), { suiteId })).result;
      await box.vault.accept('signed', (await deliver(sealed, name)).id);
      expect(await read('signed', name)).toBe('x'.repeat(9000));
    }
    const legacy = buildClient(CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT);
    await refuse((await legacy.encrypt(keyring, 'no commitment')).result, 'DELIVERY');
  });

  test('may be sealed for others too', async () => {
    const keyring = combineKeyrings(await publicKey('open-box'), [await publicKey('box')]);
    const sealed = await collect((await sealStream(streamOf('both'), { keyring, context: {} })).chunks);
    const { id } = await deliver(sealed, 'both');
    await box.vault.accept('signed', id);
    expect(await read('signed', 'both')).toBe('both');
  });

  test('leaves nothing when the source fails, or is stopped', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new Error('the line was cut');
    }
    const signature = signatureOf(Buffer.from('x'), acme);
    await expect(box.vault.receive('signed', 'x', failing(), { signature })).rejects.toThrow('the line was cut');
    const stopped = { signature, signal: AbortSignal.abort() };
    await expect(box.vault.receive('signed', 'x', streamOf('x'), stopped)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await readdir(join(box.dataFolder, 'signed', 'tmp'))).toEqual([]);
  });

  test('takes the place of bytes that a killed process left under the same id', async () => {
    const sealed = await sealFor('open-box', 'left');
    const { id } = await box.vault.receive('unsigned', 'left', streamOf(sealed));
    await unlink(join(box.dataFolder, 'unsigned', 'deliveries', id));
    expect(await box.vault.deliveries('unsigned')).toEqual([]);
    expect(await box.vault.receive('unsigned', 'left', streamOf(sealed))).toMatchObject({ id, state: 'waiting' });
    await box.vault.reject('unsigned', id);
  });

  test('is one delivery where two bring the same at once', async () => {
    const sealed = await sealFor('open-box', 'twice');
    const receive = async () => (await box.reopen()).receive('unsigned', 'twice', streamOf(sealed));
    const results = await Promise.allSettled([receive(), receive(), receive()]);
    const reasons = results.map((result) => (result.status === 'fulfilled' ? 'taken' : result.reason.code));
    expect(reasons.filter((reason) => reason === 'taken')).toHaveLength(1);
    expect(['CONFLICT', 'EXISTS', 'taken']).toEqual(expect.arrayContaining(reasons));
    const [waiting] = (await box.vault.deliveries('unsigned')).filter(({ state }) => state === 'waiting');
    await box.vault.accept('unsigned', waiting?.id ?? '');
    expect(await read('unsigned', 'twice')).toBe('twice');
  });

  test('a key that is disabled takes nothing in and accepts nothing', async () => {
    const sealed = await sealFor('open-box', 'waits');
    const { id } = await box.vault.receive('unsigned', 'waits', streamOf(sealed));
    await box.keys.disable('open-box');
    await expect(box.vault.receive('unsigned', 'y', streamOf('y'))).rejects.toMatchObject({ code: 'DISABLED' });
    await expect(box.vault.accept('unsigned', id)).rejects.toMatchObject({ code: 'DISABLED' });
    await box.keys.enable('open-box');
    await box.vault.accept('unsigned', id);
  });
});

describe('a signature', () => {
  test('must be there, and of a signer, where signers are named', async () => {
    const sealed = await sealFor('box', 'x');
    const before = await objectsIn('signed');
    const receive = (signature?: Uint8Array) =>
      box.vault.receive('signed', 'x', streamOf(sealed), signature === undefined ? {} : { signature });
    for (const signature of [
      undefined,
      signatureOf(sealed, mallory),
      signatureOf(Buffer.from('other bytes'), acme),
      signSsh(sealed, acme.publicKey, (message) => sign(null, message, mallory.privateKey)),
      signSsh(sealed, acme.publicKey, (message) => sign(null, message, acme.privateKey), { namespace: 'file' }),
      Buffer.from('no signature'),
    ]) {
      await expect(receive(signature)).rejects.toMatchObject({ code: 'SIGNATURE' });
    }
    expect(await objectsIn('signed')).toEqual(before);
    const { id } = await receive(signatureOf(sealed, acme));
    await box.vault.reject('signed', id);
  });

  test('is told, and not asked for, where none are named', async () => {
    const [one, two, three] = [
      await sealFor('open-box', '1'),
      await sealFor('open-box', '2'),
      await sealFor('open-box', '3'),
    ];
    const stranger = generateKeyPairSync('ed25519');
    const receive = (sealed: Uint8Array, signature?: Uint8Array) =>
      box.vault.receive('unsigned', 'n', streamOf(sealed), signature === undefined ? {} : { signature });
    const first = await receive(one);
    expect(first).toMatchObject({ signature: 'none' });
    expect(await receive(two, signatureOf(two, mallory))).toMatchObject({ signature: 'verified', signer: 'mallory' });
    expect(await receive(three, signatureOf(three, stranger))).toMatchObject({ signature: 'unknown' });
    const accepted = await box.vault.accept('unsigned', first.id);
    expect(accepted).not.toHaveProperty('signer');
  });

  test('is checked again when it is accepted, against the signers of then', async () => {
    const sealed = await sealFor('box', 'was fine');
    const { id } = await deliver(sealed, 'was-fine');
    const { openVault } = await import('./index.ts');
    const changed = structuredClone({
      ...box.workspace.datasets.signed,
      dropBox: { key: 'box', signers: ['mallory'] },
    });
    const workspace = {
      ...box.workspace,
      datasets: { ...box.workspace.datasets, signed: changed },
    } as Box['workspace'];
    const vault = openVault(workspace, box.keys, { role: 'owner' });
    const listed = (await vault.deliveries('signed')).find((delivery) => delivery.id === id);
    expect(listed).toMatchObject({ state: 'waiting', signature: 'unknown' });
    await expect(vault.accept('signed', id)).rejects.toMatchObject({ code: 'SIGNATURE' });
    await box.vault.accept('signed', id);
  });
});

describe('I2: what waits is altered in the store', () => {
  test('and is not accepted, whatever it is altered to', async () => {
    const sealed = await sealFor('open-box', 'genuine');
    const { id } = await box.vault.receive('unsigned', 'genuine', streamOf(sealed));
    const path = join(box.dataFolder, 'unsigned', 'objects', id);
    const flipped = Buffer.from(sealed);
    flipped.writeUInt8(flipped.readUInt8(9) ^ 1, 9);
    for (const bytes of [await sealFor('open-box', 'another'), flipped, Buffer.alloc(0), sealed.subarray(0, -1)]) {
      await writeFile(path, bytes);
      await expect(box.vault.accept('unsigned', id)).rejects.toMatchObject({ code: 'TAMPERED' });
    }
    await unlink(path);
    await expect(box.vault.accept('unsigned', id)).rejects.toMatchObject({ code: 'MISSING_OBJECT' });
    await writeFile(path, sealed);
    await box.vault.accept('unsigned', id);
    expect(await read('unsigned', 'genuine')).toBe('genuine');
  });

  test('after it was checked and before it was opened, too', async () => {
    const text = 'a line that repeats\n'.repeat(100_000);
    const bytes = await sealFor('open-box', text);
    const { checked } = await checkSource(sourceOf(bytes), () => new Error('changed'));
    (await sealFor('open-box', text.replaceAll('a', 'b'))).copy(bytes);
    const keyring = await box.keys.keyring('open-box');
    await expect(openStream(checked, { keyring, context: {} })).rejects.toThrow('changed');
  });

  test('by records that are swapped, or brought back', async () => {
    const one = await box.vault.receive('unsigned', 's1', streamOf(await sealFor('open-box', 's1')));
    const two = await box.vault.receive('unsigned', 's2', streamOf(await sealFor('open-box', 's2')));
    const folder = join(box.dataFolder, 'unsigned', 'deliveries');
    const [first, second] = [await readFile(join(folder, one.id)), await readFile(join(folder, two.id))];
    await writeFile(join(folder, one.id), second);
    await expect(box.vault.accept('unsigned', one.id)).rejects.toMatchObject({ code: 'TAMPERED' });
    await expect(box.vault.deliveries('unsigned')).rejects.toMatchObject({ code: 'TAMPERED' });
    await writeFile(join(folder, one.id), first);
    for (const { id } of [one, two]) await box.vault.reject('unsigned', id);
  });
});

describe('I3: an acceptance that was stopped', () => {
  /** A delivery as it is left between the decision and the name. */
  async function makeHalfAccepted(name: string, text: string): Promise<{ id: string; messageId: string }> {
    const sealed = await sealFor('open-box', text);
    const { id } = await box.vault.receive('unsigned', name, streamOf(sealed));
    const { info } = await box.vault.accept('unsigned', id);
    await writeFile(join(box.dataFolder, 'unsigned', 'objects', id), sealed, { mode: 0o600 });
    await box.vault.remove('unsigned', name);
    const config = box.workspace.datasets.unsigned;
    if (config === undefined) throw new Error('there is no such dataset');
    const store = openDirectoryStore(box.dataFolder);
    const dataset = openDataset('test', 'unsigned', config, store, box.keys);
    const found = await dataset.readRecord('delivery', id);
    if (found === undefined) throw new Error('there is no such record');
    await dataset.writeRecord({ ...found.record, state: 'accepting' }, { expected: found.etag });
    return { id, messageId: info.messageId };
  }

  test('keeps all that it needs, and is finished by accepting again, with the same object', async () => {
    const { id, messageId } = await makeHalfAccepted('half', 'half way');
    expect(await stateOf('unsigned', id)).toMatchObject({ state: 'accepting', decided: { messageId } });
    await box.vault.collect('unsigned', 0);
    expect(await objectsIn('unsigned')).toEqual(expect.arrayContaining([id, messageId]));
    await expect(box.vault.reject('unsigned', id)).rejects.toMatchObject({ code: 'DELIVERY' });
    const results = await Promise.allSettled([
      box.vault.accept('unsigned', id),
      (await box.reopen()).accept('unsigned', id),
    ]);
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect((await box.vault.stat('unsigned', 'half')).messageId).toBe(messageId);
    expect(await read('unsigned', 'half')).toBe('half way');
    expect(await stateOf('unsigned', id)).toMatchObject({ state: 'accepted' });
    expect(await objectsIn('unsigned')).not.toContain(id);
  });

  test('waits again where its name was taken meanwhile', async () => {
    const { id } = await makeHalfAccepted('contested', 'second');
    await box.vault.put('unsigned', 'contested', streamOf('first'));
    await expect(box.vault.accept('unsigned', id)).rejects.toMatchObject({ code: 'EXISTS' });
    expect(await stateOf('unsigned', id)).toMatchObject({ state: 'waiting' });
    expect(await read('unsigned', 'contested')).toBe('first');
    await box.vault.accept('unsigned', id, { replace: true });
    expect(await read('unsigned', 'contested')).toBe('second');
  });

  test('is made once where several accept and reject at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const name = `race-${round}`;
      const { id } = await box.vault.receive('unsigned', name, streamOf(await sealFor('open-box', name)));
      const vaults = await Promise.all([box.reopen(), box.reopen(), box.reopen()]);
      const [one, two, three] = vaults;
      await Promise.allSettled([one.accept('unsigned', id), two.accept('unsigned', id), three.reject('unsigned', id)]);
      const state = (await stateOf('unsigned', id))?.state;
      const names = (await box.vault.list('unsigned', { prefix: name })).length;
      expect([`accepted 1`, 'rejected 0']).toContain(`${state} ${names}`);
      if (state === 'accepted') expect(await read('unsigned', name)).toBe(name);
    }
  });
});

test('a drop-box key never seals a dataset, whatever glovebox.yaml was made to say', async () => {
  const { openVault } = await import('./index.ts');
  const { plain } = box.workspace.datasets;
  if (plain === undefined) throw new Error('there is no such dataset');
  for (const config of [
    { ...plain, key: 'box' },
    { ...plain, recovery: ['box'] },
  ]) {
    const vault = openVault({ ...box.workspace, roles: {}, datasets: { plain: config } }, box.keys);
    await expect(vault.put('plain', 'x', streamOf('x'))).rejects.toMatchObject({ code: 'INVALID' });
  }
  const changed = { ...plain, dropBox: { key: 'raw' } };
  const vault = openVault({ ...box.workspace, roles: {}, datasets: { plain: changed } }, box.keys);
  await expect(vault.receive('plain', 'x', streamOf('x'))).rejects.toMatchObject({ code: 'INVALID' });
});

describe('recovery keys', () => {
  test('each alone opens an object, and the records’ key', async () => {
    const info = await box.vault.put('safe', 'a', streamOf('precious'));
    const sealed = await readFile(join(box.dataFolder, 'safe', 'objects', info.messageId));
    const context = { 'glovebox:workspace': 'test', 'glovebox:dataset': 'safe' };
    for (const alias of ['raw', 'spare', 'far']) {
      const { chunks } = await openStream(sourceOf(sealed), { keyring: await box.keys.keyring(alias), context });
      expect((await collect(chunks)).toString()).toBe('precious');
      const key = await readFile(join(box.dataFolder, 'safe', 'keys', 'record-key'));
      const opened = await openStream(sourceOf(key), { keyring: await box.keys.keyring(alias), context });
      expect(await collect(opened.chunks)).toHaveLength(32);
    }
    expect((await box.vault.inspect('safe', 'a')).wrappedKeys).toHaveLength(3);
    expect((await box.vault.inspect('signed', 'a/b.csv')).wrappedKeys).toHaveLength(1);
  });

  test('may be disabled or gone for reading, and not for writing', async () => {
    await box.vault.put('safe', 'b', streamOf('before'));
    await box.keys.disable('far');
    const vault = await box.reopen();
    expect(await read('safe', 'b')).toBe('before');
    await expect(vault.put('safe', 'c', streamOf('x'))).rejects.toMatchObject({
      code: 'DISABLED',
      message: 'the key far is disabled',
    });
    expect((await vault.list('safe')).map(({ path }) => path)).not.toContain('c');
    await vault.rename('safe', 'b', 'd');
    await box.keys.enable('far');
    await vault.put('safe', 'c', streamOf('x'));
  });
});

test('an SSH key of the test is one', () => {
  expect(parseSshKey(sshPublicKey(acme.publicKey)).type).toBe('ssh-ed25519');
});
