// Writes the JSON Schemas in schema/ from the zod schemas: `node scripts/schemas.ts`.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipelineJsonSchema } from '../src/pipeline/index.ts';
import { workspaceJsonSchema } from '../src/workspace/index.ts';
import { root, run } from './process.ts';

/** File names in schema/ and what they hold. */
export const schemas: Record<string, () => object> = {
  'glovebox.schema.json': workspaceJsonSchema,
  'pipeline.schema.json': pipelineJsonSchema,
};

if (import.meta.main) {
  await mkdir(join(root, 'schema'), { recursive: true });
  for (const [name, schema] of Object.entries(schemas)) {
    await writeFile(join(root, 'schema', name), JSON.stringify(schema(), null, 2));
  }
  process.exitCode = await run('biome', ['format', '--write', 'schema']);
}
