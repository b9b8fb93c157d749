// What a command is: data that the parser, the help and docs/reference/cli.md are all made from.
import type { Ui } from './ui.ts';

/** One option. Its long name is its key in kebab case: `allowEmpty` is `--allow-empty`. */
export interface OptionDefinition {
  short?: string;
  /** The name of its value in the help; absent where the option is a switch. */
  value?: string;
  description: string;
  /** Turns the text into a value. @throws CliError `USAGE` */
  parse?: (text: string) => unknown;
  /** May be given several times: its values come as a list, empty where it was not given. */
  many?: true;
  /** The default in words, for the help. */
  byDefault?: string;
}

/** One positional argument; its name in the help is its key in capitals. */
export interface ArgumentDefinition {
  description: string;
  optional?: true;
  /** One or more; only the last. */
  many?: true;
}

type OptionsOf<Definitions extends Record<string, OptionDefinition>> = {
  [Key in keyof Definitions]: Definitions[Key] extends { value: string }
    ? Definitions[Key] extends { many: true }
      ? ValueOf<Definitions[Key]>[]
      : ValueOf<Definitions[Key]> | undefined
    : boolean;
};

type ValueOf<Definition> = Definition extends { parse: (text: string) => infer Value } ? Value : string;

type ArgumentsOf<Definitions extends Record<string, ArgumentDefinition>> = {
  [Key in keyof Definitions]: Definitions[Key] extends { many: true }
    ? string[]
    : Definitions[Key] extends { optional: true }
      ? string | undefined
      : string;
};

/** What every command may use. */
export interface CommandContext {
  ui: Ui;
  /** Fires on SIGINT and SIGTERM. */
  signal: AbortSignal;
  /** Where the workspace is looked for: the folder of `-C`, or the working directory. */
  directory: string;
  /** Whether `-C` was given: then the workspace must be in that very folder. */
  directoryGiven: boolean;
  /** `--role`, or GLOVEBOX_ROLE. */
  role?: string;
}

interface Definition<
  Arguments extends Record<string, ArgumentDefinition>,
  Options extends Record<string, OptionDefinition>,
> {
  /** As typed: `put`, `key create`. */
  name: string;
  summary: string;
  /** More than the summary says, for the help: whole sentences. */
  details?: string;
  examples?: string[];
  /** The arguments in the usage line, where the names alone would mislead. */
  usage?: string;
  arguments: Arguments;
  options: Options;
  run(context: CommandContext, given: ArgumentsOf<Arguments>, options: OptionsOf<Options>): Promise<void>;
}

/** A command as the parser and the documentation see it. */
export interface Command {
  name: string;
  summary: string;
  details?: string;
  examples?: string[];
  usage?: string;
  arguments: Record<string, ArgumentDefinition>;
  options: Record<string, OptionDefinition>;
  /** `given` and `options` hold what their definitions say; the parser vouches for it. */
  run(context: CommandContext, given: Given, options: Given): Promise<void>;
}

/** Values by name, as the parser gives them. */
export type Given = Record<string, unknown>;

/** Defines a command: the types of what `run` gets follow from the data. */
export function defineCommand<
  const Arguments extends Record<string, ArgumentDefinition>,
  const Options extends Record<string, OptionDefinition>,
>(definition: Definition<Arguments, Options>): Command {
  return {
    ...definition,
    run: (context, given, options) =>
      definition.run(context, given as ArgumentsOf<Arguments>, options as OptionsOf<Options>),
  };
}

/** `allowEmpty` to `allow-empty`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** An argument as the help shows it: `FILE...`, `[ADDRESS]`. */
export function showArgument(name: string, { optional, many }: ArgumentDefinition): string {
  const text = `${kebab(name).toUpperCase()}${many ? '...' : ''}`;
  return optional ? `[${text}]` : text;
}

/** An option as the help shows it: `-o, --output FILE`. */
export function showOption(name: string, { short, value }: OptionDefinition): string {
  const long = `--${kebab(name)}`;
  const flags = short === undefined ? long : `-${short}, ${long}`;
  return value === undefined ? flags : `${flags} ${value}`;
}

/** What an option is for, and its default. */
export function describeOption({ description, byDefault, many }: OptionDefinition): string {
  const notes = [
    byDefault === undefined ? [] : `default: ${byDefault}`,
    many ? 'may be given several times' : [],
  ].flat();
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

/** The command's usage line without the program's name. */
export function showUsage(command: Command): string {
  const names = Object.entries(command.arguments).map(([name, argument]) => showArgument(name, argument));
  const given = command.usage === undefined ? names : [command.usage];
  const options = Object.keys(command.options).length > 0 ? ['[OPTIONS]'] : [];
  return [command.name, ...options, ...given].join(' ');
}
