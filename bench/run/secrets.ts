// Gives the plain side the same secrets as the sealed one, so that both compute the same pseudonyms and
// splits. A benchmark's data are made up: elsewhere a secret never leaves the vault.
import { writeFileSync } from 'node:fs';
import { domainSecretTable, splitSecretTable } from '../../src/pipeline/index.ts';
import { openBox } from './box.ts';
import type { PlainSecrets } from './plain.ts';

/** Writes what `plain.ts` needs to `file`. */
export async function writeSecrets(file: string, workspaceFolder: string, configHome: string): Promise<void> {
  const vault = await openBox(workspaceFolder, configHome);
  const split = splitSecretTable(await vault.secret('split', 'typical'));
  const domain = domainSecretTable('patient', await vault.secret('domain-patient', 'typical'));
  const secrets: PlainSecrets = { split: split.key, inner: domain.inner, outer: domain.outer };
  writeFileSync(file, JSON.stringify(secrets));
}
