// `glovebox serve`, as built, on loopback: with a workspace, users and keys of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/process.ts';
import { makeSshKey, runOrThrow } from './programs.ts';

export const COMMAND = join(root, 'dist', 'cli', 'main.js');

export interface GatewayBox {
  folder: string;
  workspace: string;
  data: string;
  env: Record<string, string>;
  /** Of `acme`. */
  keyFile: string;
  knownHosts: string;
  port: number;
  /** Of metrics and health; undefined where the configuration names none. */
  adminPort: number | undefined;
  /** Further arguments of `serve`, from the next start on. */
  more: string[];
  /** The running process. */
  pid(): number;
  /** All that it has written to its log. */
  log(): string;
  /** Starts it again, on the port that it had. */
  start(): Promise<void>;
  /** Ends it. @returns its exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  glovebox(args: string[]): string;
  writeConfig(text: string): Promise<void>;
  remove(): Promise<void>;
}

interface Started {
  listening: string;
  hostKeys: { publicKey: string }[];
  adminPort?: number;
}

export interface GatewayBoxOptions {
  /** `glovebox.yaml`, given the public key of `acme`. */
  yaml?: (publicKey: string) => string;
  base?: string;
}

export function gatewayYaml(publicKey: string, gateway = 'uploads: { minFree: 1MiB }'): string {
  return `workspace: claims
keys: { raw: { provider: local }, features: { provider: local } }
stores: { box: { provider: dir, path: ./data } }
datasets:
  claims-raw: { store: box, key: raw, kind: raw, classification: restricted }
  other-raw: { store: box, key: raw, kind: raw, classification: restricted }
  claims-features: { store: box, key: features, kind: derived, classification: internal }
roles:
  supplier: { allow: [ { write: claims-raw } ] }
  engineer:
    allow: [ { write: claims-raw }, { read: claims-raw }, { delete: claims-raw }, { rename: claims-raw } ]
  ingest: { allow: [ { ingest: claims-raw } ] }
  owner:
    allow: [ { manage: raw }, { manage: features }, { read: claims-raw }, { delete: claims-raw }, { write: claims-raw } ]
users:
  acme: { roles: [engineer], sshKeys: [ "${publicKey}" ] }
  writer: { roles: [supplier], sshKeys: [ "${publicKey}" ] }
gateway: { ingest: ingest, ${gateway} }
`;
}

export async function makeGatewayBox({
  yaml = gatewayYaml,
  base = tmpdir(),
}: GatewayBoxOptions = {}): Promise<GatewayBox> {
  const folder = await mkdtemp(join(base, 'glovebox-gateway-'));
  const workspace = join(folder, 'workspace');
  const temporary = join(folder, 'tmp');
  for (const each of [workspace, temporary]) await mkdir(each);
  const keyFile = join(folder, 'acme');
  await writeFile(join(workspace, 'glovebox.yaml'), yaml(makeSshKey(keyFile)));
  const { PATH = '' } = process.env;
  const env = {
    PATH,
    HOME: folder,
    TMPDIR: temporary,
    XDG_CONFIG_HOME: join(folder, 'config'),
    GLOVEBOX_ROLE: 'owner',
  };
  const glovebox = (args: string[]): string =>
    runOrThrow('env', [
      '-i',
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      process.execPath,
      COMMAND,
      '-C',
      workspace,
      ...args,
    ]);
  glovebox(['init']);
  let child: ChildProcess | undefined;
  let log = '';
  const box: GatewayBox = {
    folder,
    workspace,
    data: join(workspace, 'data'),
    env,
    keyFile,
    knownHosts: join(folder, 'known_hosts'),
    port: 0,
    adminPort: undefined,
    more: [],
    pid: () => child?.pid ?? 0,
    log: () => log,
    async start() {
      const args = ['-C', workspace, 'serve', '--allow-swap', '--json', '--listen', `127.0.0.1:${box.port}`];
      const started = spawn(process.execPath, [COMMAND, ...args, ...box.more], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child = started;
      started.stderr.on('data', (chunk) => {
        log += chunk;
      });
      let said = '';
      started.stdout.on('data', (chunk) => {
        said += chunk;
      });
      for (let tries = 0; !said.includes('\n') && started.exitCode === null && tries < 2000; tries++) await sleep(10);
      if (!said.includes('\n')) throw new Error(`glovebox serve does not start: ${log}`);
      const { listening, hostKeys, adminPort } = JSON.parse(said) as Started;
      box.adminPort = adminPort;
      box.port = Number(listening.split(':').at(-1));
      await writeFile(
        box.knownHosts,
        hostKeys.map(({ publicKey }) => `[127.0.0.1]:${box.port} ${publicKey}\n`).join(''),
      );
    },
    async stop(signal = 'SIGTERM') {
      const running = child;
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return null;
      const ended = once(running, 'exit');
      running.kill(signal);
      await ended;
      return running.exitCode;
    },
    glovebox,
    writeConfig: (text) => writeFile(join(workspace, 'glovebox.yaml'), text),
    async remove() {
      await box.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  await box.start();
  return box;
}
