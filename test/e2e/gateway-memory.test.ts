// I6, against abuse: the gateway stays under 300 MB with 100 connections at once, 20 of them hostile: clients that
// ignore the window, that ask and never read, that never finish the log-in, and that say nothing. The 80 honest ones
// upload at the same time, and each reads back what it sent.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GatewayBox, makeGatewayBox } from '../support/gateway.ts';

const MIB = 1024 * 1024;
const SIZE = (process.env.GLOVEBOX_FULL === '1' ? 64 : 4) * MIB;
const LIMIT = 300e6;
const CHILD = fileURLToPath(new URL('./gateway-memory-child.ts', import.meta.url));

let box: GatewayBox;
const children: ChildProcess[] = [];

beforeAll(async () => {
  box = await makeGatewayBox();
  const large = join(box.folder, 'large');
  const file = await open(large, 'w');
  await file.truncate(64 * MIB);
  await file.close();
  box.glovebox(['put', large, 'claims-raw/large']);
  await rm(large);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await box?.remove();
});

interface Clients {
  said(text: string): number;
  until(text: string, times: number): Promise<void>;
  go(): void;
  end: Promise<unknown>;
}

function start(kind: 'honest' | 'hostile', first: number, count: number): Clients {
  const args = [kind, String(box.port), box.keyFile, String(first), String(count), String(SIZE)];
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  const said = (text: string) => output.split('\n').filter((line) => line.startsWith(text)).length;
  return {
    said,
    async until(text, times) {
      while (said(text) < times) {
        if (child.exitCode !== null) throw new Error(`the ${kind} clients ended: ${output}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    go: () => child.stdin?.write('go\n'),
    end: once(child, 'exit'),
  };
}

/** The highest resident memory that the gateway ever had, and what it has now, in bytes. */
function memory(field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${box.pid()}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}

test('a hundred connections at once, twenty of them hostile', async (context) => {
  if (process.platform !== 'linux') return context.skip('it reads /proc');
  const hostile = start('hostile', 0, 20);
  await hostile.until('ready', 1);
  const honest = [start('honest', 0, 40), start('honest', 40, 40)];
  await Promise.all(honest.map((clients) => clients.until('ready', 1)));
  for (const clients of honest) clients.go();
  await Promise.all(honest.map((clients) => clients.end));
  const right = honest.map((clients) => clients.said('right')).reduce((sum, each) => sum + each);
  const peak = memory('VmHWM');
  console.log(`peak ${Math.round(peak / 1e6)} MB, ${right} of 80 right, thrown out ${hostile.said('again')} times`);
  expect(right).toBe(80);
  // It did see those who break the rules.
  expect(hostile.said('again 0')).toBeGreaterThan(0);
  expect(box.log()).toContain('more was sent than the window allows');
  expect(peak).toBeLessThan(LIMIT);
});
