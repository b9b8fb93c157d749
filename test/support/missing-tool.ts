// What scripts/test.ts found missing on this machine, for the tests that need it.

/**
 * The reason to leave out a test that needs the system package `name` (or moto and paramiko, which `npm test` installs),
 * or undefined when it is there (or when the tests were not started by `npm test`, which looks for it).
 * For `context.skip`.
 */
export function missingTool(
  name:
    | 'bubblewrap'
    | 'strace'
    | 'openssh-client'
    | 'openssh-sftp-server'
    | 'openssh-server'
    | 'systemd'
    | 'lftp'
    | 'rclone'
    | 'curl'
    | 'sshfs'
    | 'python3-venv'
    | 'paramiko'
    | 'moto',
): string | undefined {
  const missing: Record<string, string> = JSON.parse(process.env.GLOVEBOX_MISSING ?? '{}');
  return missing[name];
}
