// Who a process is, so that another one can tell later whether it still runs: a process number alone
// is given out again, and means nothing on another machine or in another container.
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isErrnoError } from './error.ts';

/** A process, told apart from every other that ever had its number. Empty strings: not known here. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot (proc_pid_stat(5), field 22). */
  startTime: string;
  /** Changes with every boot. */
  boot: string;
  /** The process number namespace, as the kernel numbers them. */
  namespace: string;
  /** A short digest of the machine's id. */
  machine: string;
}

/** The namespace that the kernel boots with (PROC_PID_INIT_INO in include/linux/proc_ns.h). */
const INITIAL_NAMESPACE = '4026531836';

/** Where the start time stands in what `statFields` gives. */
const START_TIME = 19;

/** The identity of this process. Never throws: where the system does not tell, a field is empty. */
export function ownIdentity(): ProcessIdentity {
  const machine = readText('/etc/machine-id') || hostname();
  return {
    pid: process.pid,
    startTime: statFields(process.pid)[START_TIME] ?? '',
    boot: readText('/proc/sys/kernel/random/boot_id').slice(0, 8),
    namespace: ownNamespace(),
    machine: createHash('sha256').update(`glovebox:${machine}`).digest('hex').slice(0, 6),
  };
}

/**
 * Whether the process that `other` names is certainly gone. What cannot be decided (another machine,
 * another container) counts as running, because taking it for dead would let two in at once.
 */
export function hasEnded(other: ProcessIdentity, own: ProcessIdentity = ownIdentity()): boolean {
  if (other.machine !== own.machine) return false;
  if (other.boot !== own.boot) {
    return other.namespace === INITIAL_NAMESPACE && own.namespace === INITIAL_NAMESPACE;
  }
  if (other.namespace !== own.namespace) return false;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    return isErrnoError(error, 'ESRCH');
  }
  const fields = statFields(other.pid);
  // A zombie has a number until its parent asks for it, but runs no more.
  if (fields[0] === 'Z' || fields[0] === 'X') return true;
  const startTime = fields[START_TIME] ?? '';
  return startTime !== '' && other.startTime !== '' && startTime !== other.startTime;
}

/** The fields of proc_pid_stat(5) from the third, the state, on; none where the system does not tell. */
function statFields(pid: number): string[] {
  const stat = readText(`/proc/${pid}/stat`);
  // The second field is the command in brackets and may hold blanks and brackets itself.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function ownNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch (error) {
    if (isErrnoError(error)) return '';
    throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isErrnoError(error)) return '';
    throw error;
  }
}
