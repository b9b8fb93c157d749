#!/usr/bin/env node
// The command. Looks at the Node version before anything else is loaded, as newer syntax would fail
// there with a message that helps nobody.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  const { runCommandLine } = await import('./command-line.ts');
  await runCommandLine();
} else {
  process.stderr.write(
    `glovebox: node ${process.versions.node} is too old\n  install node 22.18 or later: https://nodejs.org\n`,
  );
  process.exitCode = 2;
}
