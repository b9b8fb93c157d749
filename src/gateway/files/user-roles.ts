// Which of a user's roles does something: the vault of the first that is allowed it.
import { SftpError } from '../../sftp/index.ts';
import type { Vault } from '../../vault/index.ts';
import type { Workspace } from '../../workspace/index.ts';
import { inWords } from './errors.ts';
import { notFound, type Place, placeOf } from './places.ts';

type Verb = Parameters<Vault['allows']>[0];

export interface UserRoles {
  workspace: Workspace;
  /** The vault that is allowed it, else the first, which then refuses and records that (I4). */
  pick(verb: Verb, dataset: string, path?: string): Vault;
  may(verb: Verb, dataset: string, path?: string): boolean;
  seesDataset(dataset: string): boolean;
  /** Where a path leads. @throws SftpError `NOT_FOUND`, also for a dataset that the user has nothing to do with */
  find(path: string): Promise<Place>;
}

export function rolesOf(vaults: readonly [Vault, ...Vault[]]): UserRoles {
  const [first] = vaults;
  const { workspace } = first;
  const may: UserRoles['may'] = (verb, dataset, path) => vaults.some((vault) => vault.allows(verb, dataset, path));
  const seesDataset = (dataset: string): boolean =>
    (['list', 'read', 'write'] as const).some((verb) => may(verb, dataset) || may(verb, dataset, '*'));
  return {
    workspace,
    may,
    seesDataset,
    pick: (verb, dataset, path) => vaults.find((vault) => vault.allows(verb, dataset, path)) ?? first,
    async find(path) {
      const place = placeOf(workspace, path);
      if (place.kind === 'root' || seesDataset(place.dataset)) return place;
      if ('path' in place && couldSee(vaults, place.dataset, place.path)) return place;
      // Refused and recorded by the vault; the user hears that there is no such thing.
      await inWords(() => first.stat(place.dataset, 'path' in place ? place.path : '*')).catch((error: unknown) => {
        if (!(error instanceof SftpError)) throw error;
      });
      throw notFound(path);
    },
  };
}

/** A role may be allowed a part of the names only. */
function couldSee(vaults: readonly Vault[], dataset: string, path: string): boolean {
  const verbs = ['list', 'read', 'write'] as const;
  return vaults.some((vault) =>
    verbs.some((verb) => vault.allows(verb, dataset, path) || vault.allows(verb, dataset, `${path}/*`)),
  );
}
