// That each kind of fault is found: a check that finds nothing looks like one that passes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { board } from './board.mjs';
import { configuration, expression, rules } from './rules.mjs';

const read = (file) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
const [alerts, prometheus, grafana] = ['prometheus/alerts.yml', 'prometheus/prometheus.yml', 'grafana/rampart.json'].map(read);

function changed(text, from, to) {
  assert.ok(text.includes(from), `${from} is not there any more`);
  return text.replace(from, to);
}

test('an expression that Prometheus would refuse is found', () => {
  assert.deepEqual(expression('sum by (instance) (rate(a_total{status=~"5.."}[5m])) > 0.05'), []);
  for (const broken of ['', 'up{', 'rate(up)', 'sum(up', 'up == "a"', 'up > > 1', 'nothing_known(up)', 'changes(up)']) {
    assert.notDeepEqual(expression(broken), [], broken);
  }
});

test('a broken rule is found', () => {
  assert.deepEqual(rules(alerts), []);
  for (const [from, to] of [
    ['rampart_block_age_seconds > 30', 'rampart_block_age_seconds >'],
    ['changes(rampart_feed_agreed_block[30m])', 'changes(rampart_feed_agreed_block)'],
    ['for: 1m', 'for: soon'],
    ['severity: critical', 'severity: dreadful'],
    ['expr: up', 'expression: up'],
    ['alert: RampartNoBlock', 'alert: RampartDown'],
    ['{{ $value }}', '{{ $value }'],
    ['{{ $labels.source }}', '{{ $label.source }}'],
    ['    rules:', '   rules:'],
  ]) {
    assert.notDeepEqual(rules(changed(alerts, from, to)), [], to);
  }
});

test('a broken configuration is found', () => {
  const there = (file) => file === 'alerts.yml';
  assert.deepEqual(configuration(prometheus, there), []);
  assert.notDeepEqual(configuration(prometheus, () => false), []);
  for (const [from, to] of [
    ['scrape_interval: 15s', 'scrape_interval: 15'],
    ['scrape_configs:', 'scrape_configs:\n  - { job_name: rampart, static_configs: [] }'],
    ['static_configs', 'static_config'],
    ['["127.0.0.1:9464"]', '["http://127.0.0.1/metrics"]'],
  ]) {
    assert.notDeepEqual(configuration(changed(prometheus, from, to), there), [], to);
  }
});

test('a broken board is found', () => {
  assert.deepEqual(board(grafana), []);
  for (const [from, to] of [
    ['"schemaVersion": 39', '"schemaVersion": "39"'],
    ['"gridPos"', '"gridPosition"'],
    ['"expr": "rampart_block_age_seconds"', '"expr": "rampart_block_age_seconds["'],
    ['"id": 2,', '"id": 1,'],
    ['"x": 6,', '"x": 5,'],
    ['"title": "Rampart operator",', '"title": "Rampart operator"'],
  ]) {
    assert.notDeepEqual(board(changed(grafana, from, to)), [], to);
  }
});
