// Other people's SFTP clients at a gateway, each with its own words for the same things.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/process.ts';
import type { GatewayBox } from './gateway.ts';
import { missingTool } from './missing-tool.ts';
import { type Ran, runOrThrow, runProgram } from './programs.ts';
import { clientOptions } from './sshd.ts';

export interface Client {
  /** Why it cannot be used here. */
  missing: string | undefined;
  put(file: string, path: string, port?: number): Promise<Ran>;
  /** Goes on with an upload; where it cannot, sends it anew. */
  putRest(file: string, path: string): Promise<Ran>;
  get(path: string, file: string): Promise<Ran>;
  /** Goes on with a download; where it cannot, fetches it anew. */
  getRest(path: string, file: string): Promise<Ran>;
  list(folder: string): Promise<Ran>;
  rename(from: string, to: string): Promise<Ran>;
  remove(path: string): Promise<Ran>;
  /** Of those two, what it does by sending or fetching all of it again. */
  startsAnew?: readonly ('putRest' | 'getRest')[];
}

/** The known hosts of a gateway with its key also at `port`, for clients that look the port up. */
async function knownAt(box: GatewayBox, port: number): Promise<string> {
  const known = await readFile(box.knownHosts, 'utf8');
  const file = join(box.folder, `known_hosts_${port}`);
  await writeFile(file, known.replaceAll(`:${box.port} `, `:${port} `));
  return file;
}

function sshOptions(box: GatewayBox): string[] {
  return [...clientOptions(box), '-o', `HostKeyAlias=[127.0.0.1]:${box.port}`];
}

export function openssh(box: GatewayBox): Client {
  const sftp = (command: string, port = box.port) => {
    const args = ['-q', ...sshOptions(box), '-P', String(port), '-b', '-', 'acme@127.0.0.1'];
    return runProgram('sftp', args, { input: `${command}\n` });
  };
  return {
    missing: missingTool('openssh-client'),
    put: (file, path, port) => sftp(`put ${file} ${path}`, port),
    putRest: (file, path) => sftp(`reput ${file} ${path}`),
    get: (path, file) => sftp(`get ${path} ${file}`),
    getRest: (path, file) => sftp(`reget ${path} ${file}`),
    list: (folder) => sftp(`ls -l ${folder}`),
    rename: (from, to) => sftp(`rename ${from} ${to}`),
    remove: (path) => sftp(`rm ${path}`),
  };
}

export async function runLftp(box: GatewayBox, commands: string[], port = box.port): Promise<Ran> {
  const settings = [
    `set sftp:connect-program "ssh -a -x ${sshOptions(box).join(' ')}"`,
    'set net:max-retries 1',
    'set net:timeout 5',
    'set net:reconnect-interval-base 1',
    'set cmd:fail-exit yes',
    `open -u acme, sftp://127.0.0.1:${port}`,
  ];
  // Its standard input must be a file.
  const script = join(box.folder, 'lftp.script');
  await writeFile(script, `${[...settings, ...commands].join('\n')}\n`);
  return runProgram('lftp', ['-f', script], { env: { HOME: box.folder } });
}

export function lftp(box: GatewayBox): Client {
  return {
    missing: missingTool('lftp'),
    put: (file, path, port) => runLftp(box, [`put ${file} -o ${path}`], port),
    putRest: (file, path) => runLftp(box, [`put -c ${file} -o ${path}`]),
    get: (path, file) => runLftp(box, [`get ${path} -o ${file}`]),
    getRest: (path, file) => runLftp(box, [`get -c ${path} -o ${file}`]),
    list: (folder) => runLftp(box, [`ls ${folder}`]),
    rename: (from, to) => runLftp(box, [`mv ${from} ${to}`]),
    remove: (path) => runLftp(box, [`rm ${path}`]),
  };
}

export function rclone(box: GatewayBox): Client {
  const run = async (args: string[], port = box.port) => {
    const remote = [
      `:sftp,host=127.0.0.1,port=${port},user=acme,key_file="${box.keyFile}"`,
      `known_hosts_file="${await knownAt(box, port)}",shell_type=none,disable_hashcheck=true:`,
    ].join(',');
    const retries = ['--config', '/dev/null', '--retries', '1', '--low-level-retries', '1'];
    const all = [...retries, ...args.map((argument) => argument.replace(/^:/, remote))];
    return runProgram('rclone', all, { env: { HOME: box.folder } });
  };
  const put = (file: string, path: string, port?: number) => run(['copyto', file, `:${path}`], port);
  const get = (path: string, file: string) => run(['copyto', '--ignore-times', `:${path}`, file]);
  return {
    missing: missingTool('rclone'),
    put,
    putRest: put,
    get,
    getRest: get,
    list: (folder) => run(['lsf', '--format', 'ps', `:${folder}`]),
    rename: (from, to) => run(['moveto', `:${from}`, `:${to}`]),
    remove: (path) => run(['deletefile', `:${path}`]),
    startsAnew: ['putRest', 'getRest'],
  };
}

/** Its libssh2 may need the gateway's profile `compatible`. */
export async function curl(box: GatewayBox): Promise<Client> {
  const publicKey = `${box.keyFile}.pub`;
  await writeFile(publicKey, runOrThrow('ssh-keygen', ['-y', '-f', box.keyFile]));
  const [, , base64 = ''] = (await readFile(box.knownHosts, 'utf8')).split(/\s+/);
  const pin = createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64').replace(/=+$/, '');
  const keys = ['-sS', '--hostpubsha256', pin, '--key', box.keyFile, '--pubkey', publicKey, '-u', 'acme:'];
  const run = (args: string[], path = '/', port = box.port) =>
    runProgram('curl', [...keys, ...args, `sftp://127.0.0.1:${port}${path}`]);
  const quote = (command: string) => run(['-Q', command, '-o', '/dev/null']);
  return {
    missing: missingTool('curl'),
    put: (file, path, port) => run(['-T', file], path, port),
    putRest: (file, path) => run(['-C', '-', '-T', file], path),
    get: (path, file) => run(['-o', file], path),
    getRest: (path, file) => run(['-C', '-', '-o', file], path),
    list: (folder) => run([], `${folder}/`),
    rename: (from, to) => quote(`-rename ${from} ${to}`),
    remove: (path) => quote(`-rm ${path}`),
  };
}

const { GLOVEBOX_CLIENTS_PYTHON = '', PATH = '' } = process.env;

export async function runParamiko(box: GatewayBox, args: string[], port = box.port): Promise<Ran> {
  const script = join(root, 'test', 'interop', 'python', 'sftp_client.py');
  const way = ['127.0.0.1', String(port), 'acme', box.keyFile, await knownAt(box, port)];
  const env = { PATH, HOME: box.folder, PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' };
  return runProgram(GLOVEBOX_CLIENTS_PYTHON, [script, ...way, ...args], { env });
}

export function paramiko(box: GatewayBox): Client {
  const missing = missingTool('paramiko') ?? 'the Python environment is made by npm test';
  return {
    missing: GLOVEBOX_CLIENTS_PYTHON === '' ? missing : undefined,
    put: (file, path, port) => runParamiko(box, ['put', file, path], port),
    putRest: (file, path) => runParamiko(box, ['append', file, path]),
    get: (path, file) => runParamiko(box, ['get', path, file]),
    getRest: (path, file) => runParamiko(box, ['fetch-rest', path, file]),
    list: (folder) => runParamiko(box, ['list', folder]),
    rename: (from, to) => runParamiko(box, ['rename', from, to]),
    remove: (path) => runParamiko(box, ['remove', path]),
  };
}

/** Runs a shell script in the root of the gateway, mounted for as long as it takes. */
export async function runMounted(box: GatewayBox, script: string, port = box.port): Promise<Ran> {
  const folder = await mkdtemp(join(box.folder, 'mounted-'));
  const mounted = await runProgram('sshfs', ['acme@127.0.0.1:/', folder, '-p', String(port), ...sshOptions(box)]);
  if (mounted.code !== 0) throw new Error(`sshfs does not mount: ${mounted.stderr}`);
  // Not as the working folder of `spawn`: this process, in which a proxy may be, would wait for the mount.
  const ran = await runProgram('sh', ['-ec', `cd ${folder}\n${script}`]);
  // Where the connection is lost it has ended by itself; else what follows cannot be done.
  await runProgram('fusermount', ['-u', folder]);
  await rmdir(folder);
  return ran;
}

export function sshfs(box: GatewayBox): Client {
  return {
    missing: missingTool('sshfs'),
    put: (file, path, port) => runMounted(box, `cp ${file} .${path}`, port),
    putRest: (file, path) => runMounted(box, `tail -c +$(($(stat -c %s .${path}) + 1)) ${file} >> .${path}`),
    get: (path, file) => runMounted(box, `cp .${path} ${file}`),
    getRest: (path, file) => runMounted(box, `tail -c +$(($(stat -c %s ${file}) + 1)) .${path} >> ${file}`),
    list: (folder) => runMounted(box, `ls -l .${folder}`),
    rename: (from, to) => runMounted(box, `mv .${from} .${to}`),
    remove: (path) => runMounted(box, `rm .${path}`),
  };
}
