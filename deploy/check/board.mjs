// What Grafana would not make sense of in a board: by the types that Grafana publishes for it, by the grammar of the expressions,
// and by what types do not say.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expression } from './rules.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** What the types say. An enumeration's values are written as texts in JSON. */
function types(board) {
  const folder = join(HERE, 'node_modules/.board');
  mkdirSync(folder, { recursive: true });
  const source = `import type { Dashboard } from '@grafana/schema';
type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
export const board: Plain<Dashboard> = ${JSON.stringify(board, null, 2)};
`;
  writeFileSync(join(folder, 'board.ts'), source);
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler'];
  try {
    execFileSync(join(HERE, 'node_modules/.bin/tsc'), [...options, join(folder, 'board.ts')], { encoding: 'utf8' });
    return [];
  } catch (error) {
    return [`the board is not of Grafana's types: ${error.stdout || error.message}`];
  }
}

function overlaps(panels) {
  const within = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
  return panels.flatMap((one, at) =>
    panels
      .slice(at + 1)
      .filter((other) => within(one.gridPos, other.gridPos))
      .map((other) => `panels ${one.title} and ${other.title} overlap`),
  );
}

/** What is wrong with a board's text. */
export function board(text) {
  let board;
  try {
    board = JSON.parse(text);
  } catch (error) {
    return [error.message];
  }
  const shape = types(board);
  if (shape.length > 0) return shape;
  const ids = board.panels.map((panel) => panel.id);
  return [
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `two panels have the id ${id}`),
    ...overlaps(board.panels.filter((panel) => panel.gridPos)),
    ...board.panels.flatMap((panel) =>
      (panel.targets ?? []).flatMap((target) => expression(target.expr).map((fault) => `panel ${panel.title}: ${fault}`)),
    ),
  ];
}
