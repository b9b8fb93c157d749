// All commands, in the order of the help. A new command is one file in this folder and one line here.
import type { Command } from '../command.ts';
import { accessCan } from './access-can.ts';
import { accessMatrix } from './access-matrix.ts';
import { accessPolicies, accessPolicy } from './access-policy.ts';
import { accessSimulate } from './access-simulate.ts';
import { auditLs } from './audit-ls.ts';
import { demo } from './demo.ts';
import { dropBoxCommands } from './drop-box.ts';
import { gatewayAuthorizedKeys } from './gateway-authorized-keys.ts';
import { gc } from './gc.ts';
import { get } from './get.ts';
import { init } from './init.ts';
import { inspect } from './inspect.ts';
import { keyCommands } from './key.ts';
import { keyCopyCommands } from './key-copies.ts';
import { keyPublicKey } from './key-public.ts';
import { ls } from './ls.ts';
import { mv } from './mv.ts';
import { open } from './open.ts';
import { plan } from './plan.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { put } from './put.ts';
import { rm } from './rm.ts';
import { run } from './run.ts';
import { runs } from './runs.ts';
import { seal } from './seal.ts';
import { serve } from './serve.ts';
import { sftpSubsystem } from './sftp-subsystem.ts';
import { verifyObject } from './verify-object.ts';

export const commands: Command[] = [
  init,
  put,
  get,
  ls,
  mv,
  rm,
  inspect,
  verifyObject,
  seal,
  open,
  ...keyCommands,
  ...keyCopyCommands,
  keyPublicKey,
  ...dropBoxCommands,
  plan,
  run,
  runs,
  push,
  pull,
  serve,
  sftpSubsystem,
  gatewayAuthorizedKeys,
  accessCan,
  accessMatrix,
  accessPolicy,
  accessPolicies,
  accessSimulate,
  auditLs,
  gc,
  demo,
];

/** Names that only hold commands together. */
export const groups: Record<string, string> = {
  key: 'make and manage keys',
  access: 'who may do what, and why',
  audit: 'what was decided',
  gateway: 'what the SFTP server needs besides',
  'drop-box': 'take in deliveries, and decide on them',
};
