// Text of policies and requests in messages: short, and nothing in it that steers a terminal.

/** `text` on one line of at most `most` characters, with control and formatting characters made visible. */
export function shown(text: string, most = 80): string {
  const cut = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** `texts` in a row, at most three of them: `a, b, c and 4 more`. */
export function shownList(texts: readonly string[]): string {
  const first = texts.slice(0, 3).map((text) => shown(text));
  return texts.length > 3 ? `${first.join(', ')} and ${texts.length - 3} more` : first.join(', ');
}

/** The same of values: in quotes where they are not one word. */
export function shownValues(values: readonly string[]): string {
  return shownList(values.map((value) => (/^[^\s"]+$/.test(value) ? value : `"${shown(value, 78)}"`)));
}
