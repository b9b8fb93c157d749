// Finds a worker's or child's entry file: `.ts` when running from source, `.js` from `dist/`.

/**
 * The URL of the module `name` (no ending) in the folder of the module at `importMetaUrl`, with the
 * ending that the calling module has itself.
 */
export function siblingModule(importMetaUrl: string, name: string): URL {
  const ending = importMetaUrl.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./${name}${ending}`, importMetaUrl);
}
