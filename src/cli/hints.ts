// What to do next, by error code, where the room that raised the error gave no hint: the rooms do not
// know the commands.
const DAMAGED = 'the object is damaged or was altered: put it again, or restore the store from a copy';

export const HINTS: Record<string, string> = {
  'cli/USAGE': 'see: glovebox --help',
  'cli/PASSPHRASE': 'name a file that holds it with GLOVEBOX_PASSPHRASE_FILE, or run it in a terminal',
  'system/ENOSPC': 'free space or enlarge the volume, then try again; nothing half done was kept',
  'system/EDQUOT': 'free space or enlarge the quota, then try again; nothing half done was kept',
  'system/ENOENT': 'check the path',
  'system/ENOTDIR': 'check the path',
  'system/EACCES': 'check the owner and the mode of it, and of the folders above',
  'system/EPERM': 'check the owner and the mode of it, and of the folders above',
  'system/EMFILE': 'allow more open files: ulimit -n',
  'workspace/SYNTAX': 'mend the file: it is YAML; see docs/workspace.md',
  'workspace/SCHEMA': 'mend the file; what it may hold is in docs/workspace.md',
  'workspace/REFERENCE': 'declare it in glovebox.yaml, or mend its name',
  'workspace/NOT_IMPLEMENTED': 'leave it out: this version cannot do it, and does not ignore it',
  'workspace/IO': 'check that the file is there and that you may use it',
  'keys/NOT_FOUND': 'see what is there: glovebox key ls; make it: glovebox key create ALIAS',
  'keys/EXISTS': 'choose another alias; see what is there: glovebox key ls',
  'keys/DISABLED': 'whoever may do so enables it with: glovebox key enable ALIAS',
  'keys/PENDING_DELETION': 'while it waits, the deletion can be called off: glovebox key cancel-deletion ALIAS',
  'keys/WRONG_ROOT_KEY':
    'bring back the root key or passphrase of this workspace; or move .glovebox/keys.json away and use: glovebox key restore BACKUP',
  'keys/NO_ROOT_KEY': 'bring back the file; or move .glovebox/keys.json away and use: glovebox key restore BACKUP',
  'keys/UNSAFE_ROOT_KEY': 'make it a plain file of your own, with mode 0600',
  'keys/NO_KEY_STORE': 'make the keys of this workspace with: glovebox init',
  'keys/INVALID': 'see: glovebox key --help',
  'keys/BACKUP_AUTH': 'the passphrase of the backup is not that of the workspace; nothing was restored',
  'seal/TRUNCATED': DAMAGED,
  'seal/TRAILING_BYTES': DAMAGED,
  'seal/FRAME_AUTH': DAMAGED,
  'seal/FRAME_ORDER': DAMAGED,
  'seal/HEADER_AUTH': DAMAGED,
  'seal/HEADER_INVALID': DAMAGED,
  'seal/COMMITMENT': DAMAGED,
  'seal/CONTEXT_MISMATCH': 'the object belongs to another dataset or workspace: restore the store from a copy',
  'seal/MESSAGE_MISMATCH': DAMAGED,
  'seal/SIZE_MISMATCH': DAMAGED,
  'seal/UNWRAP_FAILED':
    'its key is not one of this workspace, or it was altered: see glovebox inspect and glovebox key ls',
  'seal/LIMIT': DAMAGED,
  'seal/UNSUPPORTED': DAMAGED,
  'seal/NON_COMMITTING':
    'glovebox open --allow-non-committing opens it; only where you trust whoever made it: see docs/format.md',
  'seal/SIGNATURE': DAMAGED,
  'seal/RANGE': 'ask for a range within the object: its size is shown by glovebox ls and glovebox inspect',
  'seal/COMPRESSION': 'put the file again whole, or name it without .gz and .zst if it is not compressed',
  'seal/IO': 'check the disk and its free space, then try again; nothing half done was kept',
  'seal/WRAP_FAILED': 'see: glovebox key ls',
  'store/NAME': 'rename it: no "..", no leading "/", no control characters',
  'store/NOT_FOUND': 'see what is there: glovebox ls DATASET',
  'store/CONFLICT': 'look at what is there now and try again',
  'store/NOT_A_STORE': 'mend the path of the store in glovebox.yaml',
  'store/IO': 'check the disk, then try again; nothing half done was kept',
  'vault/KIND': 'see the kinds of the datasets: glovebox ls',
  'pipeline/SPEC': 'mend the pipeline; what it may hold is in docs/pipeline.md',
  'pipeline/ENGINE': 'try again; if it stays, report the command and this line',
};

/** The last resort, by exit code: every failure says what to do next. */
export const HINTS_BY_EXIT: Record<number, string> = {
  1: 'try again; nothing half done was kept',
  2: 'see: glovebox --help',
  3: 'ask whoever may grant it',
  4: DAMAGED,
  5: 'mend the data and put it again, or say in the pipeline what becomes of such rows',
};
