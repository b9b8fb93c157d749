// A CSV object's first record, read from its first plaintext bytes: column names, and where rows begin.
import { PipelineError } from './error.ts';

export interface CsvForm {
  delimiter: string;
  quote: string;
  escape: string;
  encoding: 'utf-8' | 'latin-1';
}

export interface CsvHeader {
  columns: string[];
  /** Plaintext bytes up to the first data row, a byte order mark included. */
  bytes: number;
  /** Lines up to the first data row. */
  lines: number;
  /** Whether anything follows the header in `head`. */
  hasRows: boolean;
}

/** How much of an object is looked at: a header must end within it. */
export const HEAD_BYTES = 256 * 1024;

/**
 * Reads the header of the object `object` (a name, for messages) from its first bytes. Quoting follows
 * RFC 4180; line ends are LF, CRLF or CR.
 *
 * @throws PipelineError `COLUMN`: empty, not text in the declared encoding, or no end of the header
 */
export function readHeader(head: Uint8Array, form: CsvForm, object: string): CsvHeader {
  if (head.length === 0) {
    throw new PipelineError('COLUMN', `${object} is empty`, { hint: 'remove it, or put it again with its content' });
  }
  const byteOrderMark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff))
    throw wrongEncoding(object, form);
  const body = Buffer.from(head.buffer, head.byteOffset + byteOrderMark, head.length - byteOrderMark);
  // Latin-1 keeps one character a byte, so that positions are bytes; names are decoded afterwards.
  const { fields, end, lines } = splitRecord(body.toString('latin1'), form, object, head.length >= HEAD_BYTES);
  const columns = fields.map((field) => decode(Buffer.from(field, 'latin1'), form, object).trim());
  if (columns.some((column) => column.includes('\0'))) throw wrongEncoding(object, form);
  return { columns, bytes: byteOrderMark + end, lines, hasRows: end < body.length };
}

function decode(bytes: Buffer, form: CsvForm, object: string): string {
  if (form.encoding === 'latin-1') return bytes.toString('latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw wrongEncoding(object, form, error);
  }
}

function wrongEncoding(object: string, form: CsvForm, cause?: unknown): PipelineError {
  return new PipelineError('COLUMN', `the header of ${object} is not ${form.encoding}`, {
    hint: 'convert the file, or say source.csv.encoding in the pipeline',
    ...(cause === undefined ? {} : { cause }),
  });
}

function splitRecord(
  text: string,
  { delimiter, quote, escape: escapeWith }: CsvForm,
  object: string,
  cut: boolean,
): { fields: string[]; end: number; lines: number } {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  let lines = 1;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quoted) {
      if (character === escapeWith && text[at + 1] === quote) field += text[++at];
      else if (character === quote) quoted = false;
      else {
        if (character === '\n') lines++;
        field += character;
      }
    } else if (character === quote && field === '') quoted = true;
    else if (text.startsWith(delimiter, at)) {
      fields.push(field);
      field = '';
      at += delimiter.length - 1;
    } else if (character === '\n' || character === '\r') {
      const end = character === '\r' && text[at + 1] === '\n' ? at + 2 : at + 1;
      return { fields: [...fields, field], end, lines };
    } else field += character;
  }
  if (quoted || cut) {
    throw new PipelineError('COLUMN', `the header of ${object} does not end within its first ${HEAD_BYTES} bytes`, {
      hint: 'check source.csv.delimiter and source.csv.quote in the pipeline',
    });
  }
  return { fields: [...fields, field], end: text.length, lines };
}
