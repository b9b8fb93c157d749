// Writes docs/reference/cli.md from the same data that the parser is made from. With `--check` it only
// says whether the file is up to date.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Command, describeOption, showArgument, showOption, showUsage } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands/index.ts';
import { globalOptions, SUMMARY, shownGlobalOption } from '../src/cli/program.ts';
import { root } from './process.ts';

const path = join(root, 'docs', 'reference', 'cli.md');

/** The whole page. */
export function renderCliReference(): string {
  const globals = Object.entries(globalOptions).map(
    ([name, option]) => `| \`${shownGlobalOption(name, option)}\` | ${cell(describeOption(option))} |`,
  );
  return [
    '# Command line',
    '<!-- Made by scripts/docs-cli.ts from src/cli/commands: change it there. -->',
    `\`glovebox\`: ${SUMMARY}. What its exit codes mean is in [exit codes](../exit-codes.md).`,
    [
      '## Options of every command',
      '',
      '| option | |',
      '| --- | --- |',
      ...globals,
      '| `--version`, `--help` | |',
    ].join('\n'),
    [
      '## Commands',
      '',
      ...commands.map(({ name, summary }) => `- [${name}](#glovebox-${name.replaceAll(' ', '-')}): ${summary}`),
    ].join('\n'),
    ...commands.map(renderCommand),
  ]
    .join('\n\n')
    .concat('\n');
}

/** Whether docs/reference/cli.md is what the commands say. */
export async function isCliReferenceCurrent(): Promise<boolean> {
  return (await readFile(path, 'utf8')) === renderCliReference();
}

function renderCommand(command: Command): string {
  const given = Object.entries(command.arguments).map(
    ([name, argument]) => `| \`${showArgument(name, argument)}\` | ${cell(argument.description)} |`,
  );
  const options = Object.entries(command.options).map(
    ([name, option]) => `| \`${showOption(name, option)}\` | ${cell(describeOption(option))} |`,
  );
  const rows = [...given, ...options];
  return [
    `### glovebox ${command.name}`,
    `\`\`\`\nglovebox ${showUsage(command)}\n\`\`\``,
    `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}. ${command.details ?? ''}`.trim(),
    ...(rows.length === 0 ? [] : [['| | |', '| --- | --- |', ...rows].join('\n')]),
    ...(command.examples === undefined ? [] : [`\`\`\`sh\n${command.examples.join('\n')}\n\`\`\``]),
  ].join('\n\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    if (!(await isCliReferenceCurrent())) {
      process.stderr.write('docs/reference/cli.md is not up to date: run node scripts/docs-cli.ts\n');
      process.exitCode = 1;
    }
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, renderCliReference());
  }
}
