// glovebox.yaml as the front end and the uploads take it.
import { parseSshKey } from '../vault/index.ts';
import { parseSize, type Workspace } from '../workspace/index.ts';
import { GatewayError } from './error.ts';
import type { DeskOptions } from './files/desk.ts';
import type { HostKey } from './host-key.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { LoginRules } from './ssh/authorize.ts';
import type { SshConfig } from './ssh/types.ts';

/** Who may log in. @throws GatewayError `CONFIG` for a key that no signature is checked with */
export function loginRulesOf({ users, gateway }: Workspace): LoginRules {
  const { userCAs, revokedKeys } = gateway.sftp;
  const blobs = revokedKeys.filter((text) => !text.startsWith('SHA256:'));
  return {
    users: new Map(
      Object.entries(users).map(([name, { sshKeys = [], principals = [name] }]) => [
        name,
        { keys: sshKeys.map((line) => readKey(line, `the user ${name}`)), principals },
      ]),
    ),
    authorities: userCAs.map((line) => readKey(line, 'userCAs').blob),
    revoked: {
      blobs: blobs.map((line) => Buffer.from(line.split(' ')[1] ?? '', 'base64')),
      fingerprints: new Set(revokedKeys.filter((text) => text.startsWith('SHA256:'))),
    },
  };
}

function readKey(line: string, whose: string) {
  try {
    return parseSshKey(line);
  } catch (cause) {
    throw new GatewayError('CONFIG', `an SSH key of ${whose} cannot be used`, {
      hint: 'use ed25519, ecdsa, or RSA of 2048 bits and more',
      cause,
    });
  }
}

export function sshConfigOf(workspace: Workspace, hostKeys: readonly HostKey[]): SshConfig {
  const { sftp, limits } = workspace.gateway;
  return {
    hostKeys: hostKeys.map(({ privateKey }) => privateKey),
    profile: sftp.profile,
    rules: loginRulesOf(workspace),
    limits,
  };
}

export function deskOptionsOf({ users, datasets, gateway }: Workspace, memory: MemoryBudget): DeskOptions {
  const quotaOf = (text: string | undefined) => (text === undefined ? undefined : parseSize(text));
  return {
    memory,
    minFreeBytes: gateway.uploads.minFree,
    reorderBytes: gateway.uploads.reorder,
    userQuota: (user) => quotaOf(users[user]?.quota),
    datasetQuota: (dataset) => quotaOf(datasets[dataset]?.quota),
  };
}
