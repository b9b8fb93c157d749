// Runs a command under strace and tells everything that it, and every process it started, wrote to
// files: also to files that are gone by now.
import { readFile } from 'node:fs/promises';

const DATA_CALLS = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'];
const NAME_CALLS = [
  ...['open', 'openat', 'openat2', 'creat', 'mknod', 'mknodat', 'mkdir', 'mkdirat', 'symlink', 'symlinkat'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'setxattr', 'fsetxattr'],
];
/** Ways to write to a file in which strace does not see the bytes. */
const BLIND_CALLS = ['mmap', 'sendfile', 'splice', 'tee', 'copy_file_range', 'io_uring_setup'];

/** What is longer is cut by strace: longer than any single write of ours. */
const LONGEST_WRITE = 16 * 2 ** 20;

/** Goes before a command; the trace is written to `file`. */
export function straceTo(file: string): string[] {
  const calls = [...DATA_CALLS, ...NAME_CALLS, ...BLIND_CALLS].join(',');
  return [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-yy',
    '-xx',
    '-s',
    String(LONGEST_WRITE),
    '-e',
    `trace=${calls}`,
    '-e',
    'signal=none',
    '-o',
    file,
  ];
}

export interface Trace {
  /** What was written to each regular file, in the order of the writes. Paths as they were at that time. */
  written: Map<string, Buffer>;
  /** The calls that made or opened files for writing, or gave them names. */
  named: string[];
  /** Bytes that went into pipes, sockets and FIFOs: what shows that the command saw the data at all. */
  pipedBytes: number;
  /** Calls whose bytes the trace cannot show; must be empty for the search to mean anything. */
  blind: string[];
}

/** Reads what `straceTo` recorded. */
export async function readTrace(file: string): Promise<Trace> {
  const parts = new Map<string, Buffer[]>();
  const trace: Trace = { written: new Map(), named: [], pipedBytes: 0, blind: [] };
  const fifos = new Set<string>();
  const text = await readFile(file, 'latin1');
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    start = end + 1;
    const call = /^\d+ +(\w+)\(/.exec(line)?.[1];
    if (call === undefined) continue; // the second half of a call, or an exit
    if (DATA_CALLS.includes(call)) readWrite(line, fifos, parts, trace);
    else if (NAME_CALLS.includes(call)) readName(call, decode(line), fifos, trace);
    else if (isBlind(call, decode(line))) trace.blind.push(decode(line));
  }
  for (const [path, chunks] of parts) trace.written.set(path, Buffer.concat(chunks));
  return trace;
}

function readWrite(line: string, fifos: Set<string>, parts: Map<string, Buffer[]>, trace: Trace): void {
  const target = decode(/\(\d+<(.*?)>(?:, |\))/.exec(line)?.[1] ?? '');
  if (target === '') {
    if (!/ = -1 EBADF/.test(line)) trace.blind.push(line.slice(0, 300));
    return;
  }
  if (fifos.has(target) || /^(pipe|socket|UNIX\S*):\[/.test(target)) {
    trace.pipedBytes += Number(/ = (\d+)$/.exec(line)?.[1] ?? 0);
    return;
  }
  if (target.startsWith('anon_inode:') || target.includes('<char ')) return;
  const strings = [...line.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)];
  if (strings.some(([, , cut]) => cut !== undefined)) trace.blind.push(`${target}: a longer write`);
  const chunks = parts.get(target) ?? [];
  chunks.push(...strings.map(([, hex = '']) => Buffer.from(hex.replaceAll('\\x', ''), 'hex')));
  parts.set(target, chunks);
}

function readName(call: string, line: string, fifos: Set<string>, trace: Trace): void {
  if (call.startsWith('mknod') && line.includes('S_IFIFO')) fifos.add(/"([^"]*)"/.exec(line)?.[1] ?? '');
  if (call.startsWith('open') && !/O_(WRONLY|RDWR|CREAT)/.test(line)) return;
  if (/ = -1 E/.test(line)) return;
  trace.named.push(line);
}

function isBlind(call: string, line: string): boolean {
  if (/ = -1 E/.test(line)) return false;
  // libuv's ring for epoll is no way into a file; the one for files polls its queue (linux.c, uv__iou_init).
  if (call === 'io_uring_setup') return line.includes('IORING_SETUP_SQPOLL');
  if (call !== 'mmap') return true;
  return line.includes('MAP_SHARED') && line.includes('PROT_WRITE') && !/MAP_ANONYMOUS|<anon_inode:/.test(line);
}

/** Strings and paths as they are; only for what is short. */
function decode(text: string): string {
  return text.replace(/(?:\\x[0-9a-f]{2})+/g, (hex) => Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString());
}
