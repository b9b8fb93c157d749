// A process that accepts every delivery that waits, for the test that kills it.
// `node deliveries-child.ts WORKSPACE ROOT-KEY DATASET`; prints a dot before each.
import { join } from 'node:path';
import { openLocalKeys } from '../../src/keys/index.ts';
import { openVault } from '../../src/vault/index.ts';
import { loadWorkspace, STATE_FOLDER } from '../../src/workspace/index.ts';

const [folder = '', file = '', dataset = ''] = process.argv.slice(2);
const keys = await openLocalKeys({ directory: join(folder, STATE_FOLDER), root: { file } });
const vault = openVault(await loadWorkspace(folder), keys);
for (const { id, state } of await vault.deliveries(dataset)) {
  if (state !== 'waiting' && state !== 'accepting') continue;
  process.stdout.write('.');
  await vault.accept(dataset, id);
}
