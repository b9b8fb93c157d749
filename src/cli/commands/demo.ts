// glovebox demo: the main job on made-up claims, from an empty folder.
import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { playStory } from '../demo/story.ts';
import { parseCount } from '../parse.ts';

export const demo = defineCommand({
  name: 'demo',
  summary: 'show the main job on made-up claims',
  details:
    'Makes a workspace with keys of its own in a folder of its own, seals generated claims, runs a pipeline on them, ' +
    'and searches the disk for plaintext.',
  arguments: {
    dir: { description: 'the folder, new or of an earlier demo; glovebox-demo by default', optional: true },
  },
  options: {
    rows: { value: 'N', description: 'how many claims', byDefault: '200000', parse: parseCount(1000) },
  },
  async run({ ui, signal, directory }, { dir = 'glovebox-demo' }, { rows = 200_000 }) {
    const result = await playStory({ folder: resolve(directory, dir), rows, ui, signal });
    if (ui.json) ui.result(result, []);
  },
});
