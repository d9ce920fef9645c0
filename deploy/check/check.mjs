// Checks what deploy/ gives to Prometheus and Grafana; exit code 1 and the faults when one of them would refuse it or show nothing.
// Where promtool is installed it looks at the same files.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { board } from './board.mjs';
import { configuration, rules } from './rules.mjs';

const DEPLOY = fileURLToPath(new URL('..', import.meta.url));
const text = (file) => readFileSync(join(DEPLOY, file), 'utf8');
const prometheus = join(DEPLOY, 'prometheus');

function promtool(...command) {
  const { error, status, stdout, stderr } = spawnSync('promtool', command, { cwd: prometheus, encoding: 'utf8' });
  if (error?.code === 'ENOENT') return [];
  return status === 0 ? [] : [`promtool: ${stdout}${stderr}${error ?? ''}`];
}

const checks = {
  'prometheus/alerts.yml': (file) => [...rules(text(file)), ...promtool('check', 'rules', 'alerts.yml')],
  'prometheus/prometheus.yml': (file) => [
    ...configuration(text(file), (name) => existsSync(join(prometheus, name))),
    ...promtool('check', 'config', 'prometheus.yml'),
  ],
  'grafana/rampart.json': (file) => board(text(file)),
};
let failed = false;
for (const [file, check] of Object.entries(checks)) {
  const faults = check(file);
  failed ||= faults.length > 0;
  console.log(`  ${faults.length === 0 ? 'ok  ' : 'FAIL'}  deploy/${file}`);
  for (const fault of faults) console.log(`        ${fault}`);
}
process.exitCode = failed ? 1 : 0;
