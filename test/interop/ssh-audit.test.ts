// ssh-audit (PyPI, pinned) at both front ends: no fail and no warn, but for the one that docs/gateway.md names.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDocumentedSshd } from '../support/documented-sshd.ts';
import { type GatewayBox, makeGatewayBox } from '../support/gateway.ts';
import { missingTool } from '../support/missing-tool.ts';
import { runProgram } from '../support/programs.ts';

const { GLOVEBOX_CLIENTS_PYTHON = '' } = process.env;
const missing =
  GLOVEBOX_CLIENTS_PYTHON === ''
    ? (missingTool('paramiko') ?? 'the Python environment is made by npm test')
    : missingTool('openssh-client');

interface Algorithm {
  algorithm: string;
  notes?: { fail?: string[]; warn?: string[]; info?: string[] };
}

interface Audit {
  cves: unknown[];
  kex: Algorithm[];
  key: Algorithm[];
  enc: Algorithm[];
  mac: Algorithm[];
}

/** Its findings as `ALGORITHM: fail|warn: TEXT`, and the algorithms that were offered. */
async function audit(port: number): Promise<{ code: number | null; findings: string[]; offered: string[] }> {
  // Its test of the rate of connections is about addresses other than loopback, which is exempt.
  const args = ['-m', 'ssh_audit.ssh_audit', '-j', '--skip-rate-test', '-p', String(port), '127.0.0.1'];
  const { code, stdout } = await runProgram(GLOVEBOX_CLIENTS_PYTHON, args);
  const { kex, key, enc, mac, cves } = JSON.parse(stdout) as Audit;
  const algorithms = [...kex, ...key, ...enc, ...mac];
  const findings = algorithms.flatMap(({ algorithm, notes = {} }) => [
    ...(notes.fail ?? []).map((text) => `${algorithm}: fail: ${text}`),
    ...(notes.warn ?? []).map((text) => `${algorithm}: warn: ${text}`),
  ]);
  return { code, findings: [...findings, ...cves.map(String)], offered: algorithms.map((each) => each.algorithm) };
}

describe.skipIf(missing !== undefined)(`ssh-audit${missing === undefined ? '' : `: ${missing}`}`, () => {
  let box: GatewayBox;
  beforeAll(async () => {
    box = await makeGatewayBox();
  });
  afterAll(() => box?.remove());

  test('the embedded front end: only the missing post-quantum key exchange', async () => {
    const { code, findings, offered } = await audit(box.port);
    const pqc = 'warn: does not provide protection against post-quantum attacks';
    expect(findings).toEqual([`curve25519-sha256: ${pqc}`, `curve25519-sha256@libssh.org: ${pqc}`]);
    expect(offered).toEqual([
      ...['curve25519-sha256', 'curve25519-sha256@libssh.org', 'kex-strict-s-v00@openssh.com', 'ssh-ed25519'],
      ...['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
      ...['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
    ]);
    // 2: warnings, as it documents.
    expect(code).toBe(2);
  });

  test('behind sshd with the documented configuration: nothing', async (context) => {
    const reason = missingTool('openssh-server');
    if (reason !== undefined) return context.skip(reason);
    const sshd = await startDocumentedSshd(box);
    try {
      const { code, findings, offered } = await audit(sshd.port);
      expect(findings).toEqual([]);
      expect(offered).toContain('sntrup761x25519-sha512@openssh.com');
      expect(code).toBe(0);
    } finally {
      await sshd.stop();
    }
  });
});
