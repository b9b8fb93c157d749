// What a path means: the root, a dataset, a name in it, or a version and what is in that.
import { SftpError } from '../../sftp/index.ts';
import type { Workspace } from '../../workspace/index.ts';

export type Place =
  | { kind: 'root' }
  | { kind: 'dataset'; dataset: string; isRaw: boolean }
  /** A name in a raw dataset, or a folder that names imply. */
  | { kind: 'name'; dataset: string; path: string }
  | { kind: 'version'; dataset: string; version: string | undefined }
  | { kind: 'part'; dataset: string; version: string | undefined; path: string };

/** The folder of a derived dataset's newest version, whichever that is. */
export const LATEST = 'latest';

/** @param path absolute and normalised @throws SftpError `NOT_FOUND` where there is no such dataset */
export function placeOf(workspace: Workspace, path: string): Place {
  const [dataset = '', ...rest] = path.split('/').slice(1);
  if (dataset === '') return { kind: 'root' };
  const config = Object.hasOwn(workspace.datasets, dataset) ? workspace.datasets[dataset] : undefined;
  if (config === undefined) throw notFound(path);
  if (rest.length === 0) return { kind: 'dataset', dataset, isRaw: config.kind === 'raw' };
  if (config.kind === 'raw') return { kind: 'name', dataset, path: rest.join('/') };
  const [first = '', ...others] = rest;
  const version = first === LATEST ? undefined : first;
  if (others.length === 0) return { kind: 'version', dataset, version };
  return { kind: 'part', dataset, version, path: others.join('/') };
}

export function notFound(path: string): SftpError {
  return new SftpError('NOT_FOUND', `there is no ${path}`);
}
