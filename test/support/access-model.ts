// A workspace that has one of everything that policies are made from, and roles with every verb.
import type { AccessModel } from '../../src/access/model.ts';

export const KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';

/** The policy of the role that somebody wrote. */
export const WRITTEN_POLICY = {
  Version: '2012-10-17' as const,
  Statement: [{ Effect: 'Allow' as const, Action: ['s3:*', 'kms:*'], Resource: '*' }],
};

/**
 * Raw and derived datasets, with and without recovery keys, drop box and quarantine; stores with a prefix and
 * without; keys that are known by alias, by id, by ARN and by an alias of their own; two pipelines.
 */
export const richModel: AccessModel = {
  workspace: 'claims',
  keys: {
    raw: { use: 'seal' },
    features: { use: 'seal', keyId: KEY_ID },
    backup: { use: 'seal', keyId: 'alias/offsite/backup' },
    inbox: { use: 'drop-box', keyId: 'arn:aws:kms:eu-central-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef' },
    spare: { use: 'drop-box' },
  },
  stores: { box: { bucket: 'acme-claims', prefix: 'box/' }, lake: {} },
  datasets: {
    'claims-raw': {
      ...{ store: 'box', key: 'raw', kind: 'raw', recovery: ['backup', 'features'] },
      dropBoxKey: 'inbox',
    },
    'claims-extra': { store: 'lake', key: 'raw', kind: 'raw', recovery: [], dropBoxKey: 'spare' },
    'claims-plain': { store: 'box', key: 'features', kind: 'raw', recovery: [] },
    'claims-quarantine': { store: 'box', key: 'raw', kind: 'derived', recovery: ['backup'] },
    'claims-features': { store: 'lake', key: 'features', kind: 'derived', recovery: [] },
    'claims-scores': { store: 'lake', key: 'raw', kind: 'derived', recovery: [] },
  },
  pipelines: {
    claims: {
      ...{ source: 'claims-raw', output: 'claims-features', quarantine: 'claims-quarantine' },
      secrets: ['split', 'domain-patient'],
    },
    scores: { source: 'claims-extra', output: 'claims-scores', secrets: ['domain-customer'] },
  },
  roles: {
    supplier: { allow: [{ write: 'claims-raw' }] },
    sender: { allow: [{ write: 'claims-plain' }, { list: 'claims-extra' }] },
    preprocess: {
      allow: [{ read: 'claims-raw' }, { write: 'claims-features' }, { write: 'claims-quarantine' }, { run: 'claims' }],
    },
    scorer: { allow: [{ read: 'claims-extra' }, { write: 'claims-scores' }, { run: 'scores' }] },
    trainer: { allow: [{ read: 'claims-features' }, { list: 'claims-scores' }] },
    inspector: { allow: [{ read: 'claims-quarantine' }] },
    approver: { allow: [{ approve: 'claims-raw' }] },
    keeper: { allow: [{ delete: 'claims-raw' }, { delete: 'claims-features' }, { rename: 'claims-plain' }] },
    author: { allow: [{ edit: 'claims' }] },
    manager: { allow: [{ manage: 'raw' }, { manage: 'features' }, { manage: 'inbox' }, { manage: 'spare' }] },
    auditor: { allow: [{ audit: 'read' }] },
    nobody: { allow: [] },
    // Two datasets under one key in one store: merged as far as nothing new is allowed.
    both: { allow: [{ read: 'claims-raw' }, { read: 'claims-quarantine' }, { list: 'claims-plain' }] },
    written: { policy: WRITTEN_POLICY },
  },
  users: {
    acme: { roles: ['supplier', 'sender'] },
    ann: { roles: ['trainer', 'auditor', 'written'] },
    [`x${'y'.repeat(62)}`]: { roles: ['supplier', 'trainer'] },
    'ann-marie': { roles: ['keeper'] },
  },
};

/** What each role may do: its grants, and what they include. Written by hand, not computed. */
export const expectedMatrix: Record<string, string[]> = {
  supplier: ['write claims-raw'],
  sender: ['write claims-plain', 'list claims-extra'],
  preprocess: [
    ...['list claims-raw', 'read claims-raw', 'write claims-features', 'write claims-quarantine', 'run claims'],
  ],
  scorer: ['list claims-extra', 'read claims-extra', 'write claims-scores', 'run scores'],
  trainer: ['list claims-features', 'read claims-features', 'list claims-scores'],
  inspector: ['list claims-quarantine', 'read claims-quarantine'],
  approver: ['list claims-raw', 'write claims-raw', 'approve claims-raw'],
  keeper: [
    ...['list claims-raw', 'delete claims-raw', 'list claims-features', 'delete claims-features'],
    'rename claims-plain',
  ],
  author: ['edit claims'],
  manager: ['manage raw', 'manage features', 'manage inbox', 'manage spare'],
  auditor: ['audit read'],
  nobody: [],
  both: ['list claims-raw', 'read claims-raw', 'list claims-quarantine', 'read claims-quarantine', 'list claims-plain'],
};
