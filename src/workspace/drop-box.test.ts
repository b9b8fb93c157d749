// Drop-box keys, drop boxes and recovery keys in glovebox.yaml.
import { expect, test } from 'vitest';
import { parseWorkspace, WorkspaceError } from './index.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g';
const WORKSPACE = `workspace: claims
keys:
  raw: { provider: local }
  spare: { provider: local }
  box: { provider: local, use: drop-box }
stores:
  box: { provider: dir, path: ./data }
datasets:
  one: { store: box, key: raw, kind: raw, classification: restricted, dropBox: { key: box, signers: [acme] }, recovery: [spare] }
  two: { store: box, key: raw, kind: raw, classification: restricted }
  out: { store: box, key: raw, kind: derived, classification: restricted }
roles:
  supplier: { allow: [ { write: one } ] }
users:
  acme: { roles: [supplier], sshKeys: [ "${KEY}" ] }
  none: { roles: [supplier] }
`;

function mistake(text: string): { code: string; place: string; message: string; hint: string | undefined } {
  try {
    parseWorkspace(text, 'f');
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error;
    const { line = 0, column = 0 } = error.position ?? {};
    const message = error.message.replace(/^f:\d+:\d+: /, '');
    return { code: error.code, place: `${line}:${column}`, message, hint: error.hint };
  }
  throw new Error('no mistake was found');
}

test('are taken as they are declared', () => {
  const { keys, datasets } = parseWorkspace(WORKSPACE, 'f');
  expect(keys.box).toEqual({ provider: 'local', use: 'drop-box' });
  expect(datasets.one).toMatchObject({ dropBox: { key: 'box', signers: ['acme'] }, recovery: ['spare'] });
  expect(datasets.two).not.toHaveProperty('dropBox');
  const unsigned = parseWorkspace(WORKSPACE.replace(', signers: [acme]', ''), 'f');
  expect(unsigned.datasets.one?.dropBox).toEqual({ key: 'box' });
});

/** Line and column of the bar in `mark`, whose text otherwise stands in `text`. */
function placeOf(text: string, mark: string): string {
  const at = text.indexOf(mark.replace('|', '')) + mark.indexOf('|');
  const before = text.slice(0, at).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

test.each<[name: string, from: string, to: string, at: string, code: string, message: RegExp]>([
  ['another use', 'use: drop-box', 'use: seal', '|seal }', 'SCHEMA', /"use" must be drop-box/],
  [
    'a drop-box key that would seal',
    'two: { store: box, key: raw',
    'two: { store: box, key: box',
    'key: |box, kind',
    'REFERENCE',
    /drop-box key and cannot seal/,
  ],
  ['a drop-box key for recovery', '[spare]', '[ box ]', '|box ]', 'REFERENCE', /drop-box key and cannot seal/],
  ['an unknown recovery key', '[spare]', '[ spar ]', '|spar ]', 'REFERENCE', /no key "spar"/],
  ['the main key for recovery', '[spare]', '[ raw ]', '|raw ]', 'SCHEMA', /seals this dataset already/],
  ['a recovery key twice', '[spare]', '[spare,  spare ]', '|spare ]', 'SCHEMA', /seals this dataset already/],
  ['an unknown drop-box key', '{ key: box,', '{ key: bxo,', '|bxo', 'REFERENCE', /no key "bxo"/],
  [
    'a sealing key for a drop box',
    '{ key: box,',
    '{ key: spare,',
    '|spare, signers',
    'REFERENCE',
    /not a drop-box key/,
  ],
  ['an unknown signer', '[acme]', '[ acne ]', '|acne', 'REFERENCE', /no user "acne"/],
  ['a signer without a key', '[acme]', '[ none ]', '|none ]', 'REFERENCE', /"none" has no SSH key/],
  ['no signer at all', '[acme]', '[ ]', '|signers', 'SCHEMA', /at least one user/],
  [
    'a derived dataset',
    'kind: derived, classification: restricted',
    'kind: derived, classification: restricted, dropBox : { key: box }',
    '|dropBox :',
    'SCHEMA',
    /"out" is derived/,
  ],
  [
    'one key for two datasets',
    'two: { store: box, key: raw, kind: raw, classification: restricted',
    'two: { store: box, key: raw, kind: raw, classification: restricted, dropBox: { key:  box }',
    'key:  |box }',
    'SCHEMA',
    /serves the dataset "one" already/,
  ],
])('finds %s where it stands', (_, from, to, at, code, message) => {
  const text = WORKSPACE.replace(from, to);
  expect(text).not.toBe(WORKSPACE);
  const found = mistake(text);
  const place = placeOf(text, at);
  expect(found).toMatchObject({ code, place, message: expect.stringMatching(message) });
});
