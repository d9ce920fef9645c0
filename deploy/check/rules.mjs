// What Prometheus would refuse of rules, of its configuration, and of an expression. The grammar and the types of PromQL are those
// of Prometheus' own editor; which fields there are is the documentation's (prometheus.io/docs/prometheus/latest/configuration).
import { createRequire } from 'node:module';
import { parseDocument } from 'yaml';

// As the editor's own modules find each other: two copies of the state would not know one another. It exports no parser.
const require = createRequire(import.meta.url);
const { EditorState } = require('@codemirror/state');
const { LanguageType, promQLLanguage } = require('@prometheus-io/codemirror-promql');
const { Parser } = require('@prometheus-io/codemirror-promql/dist/cjs/parser');

const DURATION = /^([0-9]+(ms|[smhdwy]))+$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SEVERITIES = ['info', 'warning', 'critical'];

/** What is wrong with an expression. */
export function expression(text) {
  if (typeof text !== 'string' || text.trim() === '') return ['there is no expression'];
  const language = promQLLanguage(LanguageType.PromQL);
  const faults = [];
  const tree = language.parser.parse(text);
  // The editor's own check forgives what ends too early: it may yet be typed.
  tree.iterate({
    enter: (node) => void (node.type.isError && faults.push(`it cannot be read (at ${node.from} of ${text})`)),
  });
  if (faults.length > 0) return faults;
  const parser = new Parser(EditorState.create({ doc: text, extensions: language }));
  // Its own is as much as an editor reads within 20 ms.
  parser.tree = tree;
  parser.analyze();
  return parser.getDiagnostics().map(({ message, from }) => `${message} (at ${from} of ${text})`);
}

/** A YAML text as a value, and what is wrong with it. */
function read(text) {
  const document = parseDocument(text, { strict: true, uniqueKeys: true });
  const faults = [...document.errors, ...document.warnings].map((error) => error.message);
  return { value: faults.length === 0 ? document.toJS() : undefined, faults };
}

/** The fields of a mapping that are unknown, or missing. */
function fields(value, where, known, needed) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${where} is no mapping`];
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  const missing = needed.filter((key) => !(key in value));
  return [
    ...unknown.map((key) => `${where} has an unknown field ${key}`),
    ...missing.map((key) => `${where} has no ${key}`),
  ];
}

function texts(value, where) {
  return Object.entries(value ?? {}).flatMap(([name, text]) => [
    ...(LABEL.test(name) ? [] : [`${where}: ${name} is no label's name`]),
    ...(typeof text === 'string' ? braces(text, `${where}: ${name}`) : [`${where}: ${name} is no text`]),
  ]);
}

/** Templates are Go's; that they are closed, and use what an alert has, is all that is looked at. */
function braces(text, where) {
  const rest = text.replaceAll(/\{\{\s*(\$value|\$labels\.[a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}/g, '');
  return /\{\{|\}\}/.test(rest) ? [`${where}: the template is broken: ${text}`] : [];
}

function alert(rule) {
  const where = `alert ${rule?.alert}`;
  const known = ['alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations'];
  const shape = fields(rule, where, known, ['alert', 'expr', 'labels', 'annotations']);
  if (shape.length > 0) return shape;
  const durations = ['for', 'keep_firing_for'].filter((key) => key in rule && !DURATION.test(rule[key]));
  return [
    ...durations.map((key) => `${where}: ${key} is no duration: ${rule[key]}`),
    ...expression(rule.expr).map((fault) => `${where}: ${fault}`),
    ...(SEVERITIES.includes(rule.labels.severity) ? [] : [`${where}: severity is none of ${SEVERITIES}`]),
    ...(rule.annotations.summary ? [] : [`${where} has no summary`]),
    ...texts(rule.labels, where),
    ...texts(rule.annotations, where),
  ];
}

function twice(names, what) {
  return names.filter((name, at) => names.indexOf(name) !== at).map((name) => `${what} ${name} is there twice`);
}

/** What is wrong with a file of rules. */
export function rules(text) {
  const { value, faults } = read(text);
  if (faults.length > 0) return faults;
  const shape = fields(value, 'the file', ['groups'], ['groups']);
  if (shape.length > 0 || !Array.isArray(value.groups)) return [...shape, 'groups is no list'];
  const groups = value.groups.flatMap((group) => {
    const known = ['name', 'interval', 'limit', 'labels', 'rules'];
    const shape = fields(group, `group ${group?.name}`, known, ['name', 'rules']);
    return shape.length > 0 ? shape : group.rules.flatMap(alert);
  });
  const names = value.groups.flatMap((group) => (group?.rules ?? []).map((rule) => rule?.alert));
  return [...groups, ...twice(value.groups.map((group) => group?.name), 'group'), ...twice(names, 'alert')];
}

/** What is wrong with Prometheus' configuration, as far as ours goes; `exists` tells whether a file beside it does. */
export function configuration(text, exists) {
  const { value, faults } = read(text);
  if (faults.length > 0) return faults;
  const shape = fields(value, 'the file', ['global', 'rule_files', 'scrape_configs'], ['scrape_configs']);
  if (shape.length > 0) return shape;
  const times = ['scrape_interval', 'evaluation_interval', 'scrape_timeout'];
  const all = [
    ...fields(value.global ?? {}, 'global', times, []),
    ...Object.entries(value.global ?? {})
      .filter(([, time]) => !DURATION.test(time))
      .map(([name, time]) => `global: ${name} is no duration: ${time}`),
    ...(value.rule_files ?? []).filter((file) => !exists(file)).map((file) => `${file} is not there`),
  ];
  const known = ['job_name', 'static_configs', 'metrics_path', 'scheme', 'scrape_interval'];
  const jobs = value.scrape_configs.flatMap((job) => {
    const where = `job ${job?.job_name}`;
    const shape = fields(job, where, known, ['job_name', 'static_configs']);
    if (shape.length > 0) return shape;
    const targets = job.static_configs.flatMap((config) => config.targets ?? []);
    return targets.filter((target) => !/^[^\s/]+:[0-9]+$/.test(target)).map((target) => `${where}: ${target} is no target`);
  });
  return [...all, ...jobs, ...twice(value.scrape_configs.map((job) => job?.job_name), 'job')];
}
