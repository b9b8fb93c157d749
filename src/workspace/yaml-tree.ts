// From YAML text to plain values with a position for each. Only the plain part of YAML is taken: no
// anchors, aliases, tags or directives, so a file cannot grow while it is read, and means one thing only.
import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from 'yaml';
import { type Position, WorkspaceError } from './error.ts';
import { MAX_TEXT_BYTES } from './text-file.ts';

/** Keys and indexes from the root. */
export type Path = readonly PropertyKey[];

const MAX_DEPTH = 64;

/** Tokens that stand for no text: document start, flow error end, scalar, byte order mark. */
const LEXER_MARKS = new Set(['\u0002', '\u0018', '\u001f', '\ufeff']);

/** The plain value of a YAML text, and where each part of it stands. */
export interface YamlTree {
  value: unknown;
  /** Of the value at `path` (of its key, for a map or a list), or of the nearest part above that exists. */
  positionOf(path: Path): Position;
  /** Of the key that `path` ends with. */
  keyPositionOf(path: Path): Position;
}

/** @throws WorkspaceError `SYNTAX` with a position. */
export function parseYamlTree(text: string, file: string): YamlTree {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const fail = (offset: number, message: string, hint?: string): never => {
    throw new WorkspaceError('SYNTAX', message, { position: at(offset), ...(hint === undefined ? {} : { hint }) });
  };
  checkText(text, file);
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    strict: true,
    stringKeys: false,
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    fail(problem.pos[0], PROBLEMS[problem.code] ?? parserMessage(problem.message));
  }
  if (document.directives?.yaml.explicit) fail(0, 'a YAML directive is not taken here', 'remove the line with "%"');

  const places = new Map<string, { key?: number; value: number }>();

  function toPlain(node: unknown, path: Path): unknown {
    if (node === null) return null;
    if (isAlias(node)) return fail(node.range?.[0] ?? 0, 'aliases are not taken here', 'write the value out');
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return fail(0, 'this is not plain YAML');
    const start = node.range?.[0] ?? 0;
    if (node.anchor !== undefined) fail(start, 'anchors are not taken here', 'write the value out where it is used');
    if (node.tag !== undefined) fail(start, 'tags are not taken here', 'remove the part that begins with "!"');
    if (path.length > MAX_DEPTH) fail(start, `this is nested more than ${MAX_DEPTH} deep`);
    if (isScalar(node)) return scalarValue(node.value, node.source, () => fail(start, ...INEXACT));
    if (isSeq(node)) return node.items.map((item, index) => place([...path, index], item));
    const result: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? key.value : undefined;
      const keyStart = isScalar(key) ? (key.range?.[0] ?? start) : start;
      if (isScalar(key) && key.anchor !== undefined) fail(keyStart, 'anchors are not taken here');
      if (typeof name !== 'string') return fail(keyStart, 'a key must be text', 'put it in quotes');
      if (name === '__proto__') return fail(keyStart, 'this key is not taken');
      result[name] = place([...path, name], value, keyStart);
    }
    return result;
  }

  function place(path: Path, node: unknown, key?: number): unknown {
    const start = (isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined) ?? key ?? 0;
    const own = isScalar(node) && node.range !== undefined ? start : (key ?? start);
    places.set(pathKey(path), key === undefined ? { value: own } : { key, value: own });
    return toPlain(node, path);
  }

  const nearest = (path: Path): { key?: number; value: number } => {
    for (let length = path.length; length >= 0; length -= 1) {
      const found = places.get(pathKey(path.slice(0, length)));
      if (found !== undefined) return found;
    }
    return { value: 0 };
  };
  const value = place([], document.contents);
  if (value === null) fail(0, 'the file is empty');
  return {
    value,
    positionOf: (path) => at(nearest(path).value),
    keyPositionOf: (path) => at(nearest(path).key ?? nearest(path).value),
  };
}

const INEXACT = ['this number has more digits than can be kept', 'put it in quotes, or shorten it'] as const;

function scalarValue(value: unknown, source: string | undefined, inexact: () => never): unknown {
  const isInteger = typeof value === 'number' && source !== undefined && /^[-+]?\d+$/.test(source);
  return isInteger && !Number.isSafeInteger(value) ? inexact() : value;
}

/** What would make the parser slow or deep is refused by looking at the text and its tokens alone. */
function checkText(text: string, file: string): void {
  const fail = (offset: number, message: string): never => {
    const before = text.slice(0, offset);
    const line = before.split('\n').length;
    const position = { file, line, column: offset - before.lastIndexOf('\n') };
    throw new WorkspaceError('SYNTAX', message, { position });
  };
  if (text.length > MAX_TEXT_BYTES) fail(0, `the file is longer than ${MAX_TEXT_BYTES} bytes`);
  const control = [...text.matchAll(/\p{Cc}/gu)].find((match) => !'\t\n\r'.includes(match[0]));
  if (control !== undefined) fail(control.index, 'there is a control character: this is not a text file');
  let offset = 0;
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth += 1;
    if (token === ']' || token === '}') depth -= 1;
    if (depth > MAX_DEPTH) fail(offset, `this is nested more than ${MAX_DEPTH} deep`);
    if (!LEXER_MARKS.has(token)) offset += token.length;
  }
}

/** Our words for some of the parser's findings. */
const PROBLEMS: Record<string, string> = {
  DUPLICATE_KEY: 'this key is there twice',
  MULTIPLE_DOCS: 'a second document begins here; one file is one document',
  TAG_RESOLVE_FAILED: 'tags are not taken here',
};

function parserMessage(message: string): string {
  if (message.includes('call stack')) return 'this is nested too deep';
  const [first = ''] = message.split('\n');
  return first.slice(0, 1).toLowerCase() + first.slice(1);
}

function pathKey(path: Path): string {
  return JSON.stringify(path.map(String));
}
