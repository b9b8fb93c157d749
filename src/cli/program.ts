// Makes the parser from the commands' data, and runs the command that was asked for.
import { Argument, CommanderError, Option, Command as Parser } from 'commander';
import {
  type Command,
  type CommandContext,
  describeOption,
  type Given,
  kebab,
  type OptionDefinition,
  showOption,
  showUsage,
} from './command.ts';
import { commands, groups } from './commands/index.ts';
import { usage } from './error.ts';
import type { Ui } from './ui.ts';

/** The options of every command. `--version` and `--help` are the parser's own. */
export const globalOptions = {
  directory: { short: 'C', value: 'DIR', description: 'the workspace', byDefault: 'this folder, or the nearest above' },
  json: { description: 'print results and errors as JSON' },
  role: {
    value: 'ROLE',
    description: 'act as this role of glovebox.yaml; it asks for no proof: docs/access.md says what that is worth',
    byDefault: 'GLOVEBOX_ROLE',
  },
} satisfies Record<string, OptionDefinition>;

/** A global option as the help shows it; `-C` has no long form. */
export function shownGlobalOption(name: string, definition: OptionDefinition): string {
  return name === 'directory' ? '-C DIR' : showOption(name, definition);
}

export const SUMMARY = 'secure data preprocessing: sealed data in, a pipeline run, sealed features out';

/** What the program is run with. */
export interface ProgramOptions {
  version: string;
  ui: Ui;
  signal: AbortSignal;
}

/**
 * Parses `args` (without node and script) and runs the command.
 * @throws CliError `USAGE`, and what the command raises
 */
export async function runProgram(args: string[], options: ProgramOptions): Promise<void> {
  const parser = makeParser(options);
  try {
    await parser.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return; // the help, or the version
    throw explainUsage(error, args);
  }
}

function makeParser({ version, ui, signal }: ProgramOptions): Parser {
  const program = new Parser('glovebox');
  // Settings before the commands are added: they inherit them.
  program
    .description(SUMMARY)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print the help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => ui.result({ text: text.trimEnd() }, text.trimEnd().split('\n')),
      writeErr: () => undefined, // usage errors are told with all others
    });
  for (const [name, definition] of Object.entries(globalOptions)) {
    program.addOption(
      name === 'directory' ? new Option('-C <DIR>', describeOption(definition)) : toOption(name, definition),
    );
  }
  const parents = new Map<string, Parser>();
  for (const command of commands) {
    const [group, ...rest] = command.name.split(' ');
    let parent = program;
    if (group !== undefined && rest.length > 0) {
      parent = parents.get(group) ?? program.command(group).description(groups[group] ?? '');
      parents.set(group, parent);
    }
    addCommand(parent, command, (parsed) => contextOf(parsed, ui, signal));
  }
  return program;
}

function addCommand(parent: Parser, command: Command, context: (parser: Parser) => CommandContext): void {
  const parser = parent.command(command.name.split(' ').at(-1) ?? command.name);
  parser.usage(showUsage(command).slice(command.name.length + 1));
  parser.summary(command.summary).description([command.summary, command.details].filter(Boolean).join('\n\n'));
  for (const [name, { description, optional, many }] of Object.entries(command.arguments)) {
    const shown = `${kebab(name).toUpperCase()}${many ? '...' : ''}`;
    parser.addArgument(new Argument(optional ? `[${shown}]` : `<${shown}>`, description));
  }
  for (const [name, definition] of Object.entries(command.options)) parser.addOption(toOption(name, definition));
  if (command.examples !== undefined) {
    parser.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  $ ${line}`).join('\n')}`);
  }
  parser.action(async () => {
    const options: Given = Object.fromEntries(
      Object.entries(command.options).map(([name, { value, many }]) => [
        name,
        parser.opts()[name] ?? (value === undefined ? false : many ? [] : undefined),
      ]),
    );
    const given: Given = Object.fromEntries(
      Object.keys(command.arguments).map((name, index) => [name, parser.processedArgs[index]]),
    );
    await command.run(context(parser), given, options);
  });
}

function toOption(name: string, definition: OptionDefinition): Option {
  const { value, many, parse = (text) => text } = definition;
  const option = new Option(
    showOption(name, definition).replace(/ \S+$/, value === undefined ? '$&' : ` <${value}>`),
    describeOption(definition),
  );
  if (many) option.argParser((text, before: unknown[] = []) => [...before, parse(text)]);
  else if (value !== undefined) option.argParser(parse);
  return option;
}

function contextOf(parser: Parser, ui: Ui, signal: AbortSignal): CommandContext {
  const given: { C?: string; role?: string } = parser.optsWithGlobals();
  const role = given.role ?? process.env.GLOVEBOX_ROLE;
  return {
    ui,
    signal,
    directory: given.C ?? process.cwd(),
    directoryGiven: given.C !== undefined,
    ...(role === undefined || role === '' ? {} : { role }),
  };
}

/** The parser's message in our voice: one line, and the suggestion as the hint. */
function explainUsage(error: CommanderError, args: string[]): Error {
  const [, suggestion] = /\n?\((Did you mean .*\?)\)/.exec(error.message) ?? [];
  const words = args.filter((word) => !word.startsWith('-'));
  const named = commands.find(({ name }) => name === words.slice(0, name.split(' ').length).join(' '));
  const help = `glovebox ${named === undefined ? '' : `${named.name} `}--help`;
  if (error.code === 'commander.help') return usage('no command was given', `see: ${help}`);
  const message = error.message.replace(/^error: /, '').replace(/\n?\(Did you mean .*\?\)/, '');
  const hint =
    suggestion === undefined ? `see: ${help}` : `${suggestion.charAt(0).toLowerCase()}${suggestion.slice(1)}`;
  return usage(message.split('\n')[0] ?? message, hint);
}
