// Checks the relative links and the anchors in the Markdown documents.
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * Every link in `folder`'s documents (its own and those under docs/ and examples/) that leads nowhere,
 * as `file:line: what`. Links to other sites are not followed.
 */
export async function findBrokenLinks(folder: string): Promise<string[]> {
  const broken: string[] = [];
  for (const file of await listDocuments(folder)) {
    const lines = dropCode(await readFile(file, 'utf8'));
    for (const [index, line] of lines.entries()) {
      for (const [, target = ''] of line.matchAll(/\[[^\]]*\]\(([^)\s]+)[^)]*\)/g)) {
        const problem = await findProblem(file, target);
        if (problem !== undefined) broken.push(`${relative(folder, file)}:${index + 1}: ${problem}`);
      }
    }
  }
  return broken;
}

async function listDocuments(folder: string): Promise<string[]> {
  const documents = (await readdir(folder)).filter((name) => name.endsWith('.md')).map((name) => join(folder, name));
  for (const part of ['docs', 'examples']) {
    const entries = await readdir(join(folder, part), { recursive: true, withFileTypes: true });
    const found = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.md'));
    documents.push(...found.map((entry) => join(entry.parentPath, entry.name)));
  }
  return documents;
}

/** The lines, with those of code blocks emptied. */
function dropCode(text: string): string[] {
  let inCode = false;
  return text.split('\n').map((line) => {
    const fence = /^\s*(```|~~~)/.test(line);
    if (fence) inCode = !inCode;
    return inCode || fence ? '' : line.replaceAll(/`[^`]*`/g, 'code');
  });
}

async function findProblem(file: string, target: string): Promise<string | undefined> {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const destination = path === '' ? file : resolve(dirname(file), path);
  const found = await access(destination).then(
    () => true,
    () => false,
  );
  if (!found) return `there is no ${target}`;
  if (anchor === undefined || !destination.endsWith('.md')) return undefined;
  const anchors = listAnchors(await readFile(destination, 'utf8'));
  return anchors.includes(anchor) ? undefined : `${path || 'this file'} has no heading #${anchor}`;
}

/** The anchors of the headings: lower case, blanks as hyphens, no punctuation. */
function listAnchors(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => /^#+ /.test(line))
    .map((line) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    );
}
