/** Builds the console into `dist/console/`: one minified script, the style sheet and the page. */
import { cp, mkdir } from 'node:fs/promises';
import { build } from 'rolldown';

const SOURCE = 'src/console';
const TARGET = 'dist/console';

await mkdir(TARGET, { recursive: true });
await build({
  input: `${SOURCE}/main.tsx`,
  tsconfig: `${SOURCE}/tsconfig.json`,
  platform: 'browser',
  output: { file: `${TARGET}/console.js`, format: 'esm', minify: true, comments: false },
});
for (const file of ['index.html', 'console.css']) await cp(`${SOURCE}/${file}`, `${TARGET}/${file}`);
