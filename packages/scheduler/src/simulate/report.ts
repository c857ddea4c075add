import type { NodeUse, Quality } from './quality.ts';
import type { SimulationResult } from './simulate.ts';

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const rowsShown = 50;

interface Row { readonly what: string; readonly of: (quality: Quality) => string }

const qualityRows: readonly Row[] = [
  { what: 'nodes', of: ({ nodes }) => String(nodes) },
  { what: 'pods on them', of: ({ pods }) => String(pods) },
  { what: 'processor asked for', of: ({ cpu }) => percent(cpu) },
  { what: 'memory asked for', of: ({ memory }) => percent(memory) },
  { what: 'imbalance of processor', of: ({ cpuImbalance }) => percent(cpuImbalance) },
  { what: 'imbalance of memory', of: ({ memoryImbalance }) => percent(memoryImbalance) },
  { what: 'free processor in other places than the largest', of: ({ cpuFragmentation }) => percent(cpuFragmentation) },
];

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => rows.reduce((most, row) => Math.max(most, (row[column] ?? '').length), 0));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ').trimEnd()).join('\n');
}

function some<T>(list: readonly T[], show: (one: T) => readonly string[], head: readonly string[]): string {
  const shown = columns([head, ...list.slice(0, rowsShown).map(show)]);
  return list.length > rowsShown ? `${shown}\n... and ${list.length - rowsShown} more (--output=json has all)` : shown;
}

/** For a terminal. */
export function simulationText(result: SimulationResult): string {
  const parts = [columns([['', 'BEFORE', 'AFTER'], ...qualityRows.map(({ what, of }) => [what, of(result.before), of(result.after)])])];
  if (result.placements.length > 0) parts.push(some(result.placements, ({ pod, before, after }) => [pod, before === '' ? '-' : before, after], ['POD', 'WAS ON', 'GOES TO']));
  if (result.preempted.length > 0) parts.push(some(result.preempted, (pod) => [pod], ['MAKES ROOM FOR OTHERS']));
  if (result.pending.length > 0) parts.push(some(result.pending, ({ pod, message }) => [pod, message], ['FITS NOWHERE', 'WHY']));
  if (parts.length === 1) parts.push('No pod would be placed otherwise.');
  return parts.join('\n\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const barHeight = 14;
const plotWidth = 420;

/** A bar a node, fullest first. */
function plot(title: string, uses: readonly NodeUse[], of: (use: NodeUse) => number): string {
  const bars = uses.toSorted((a, b) => of(b) - of(a)).slice(0, 200).map((use, i) => {
    const y = 20 + i * barHeight;
    return `<rect x="120" y="${y}" width="${(Math.min(1, of(use)) * plotWidth).toFixed(1)}" height="${barHeight - 3}"/><text x="114" y="${y + 9}" text-anchor="end">${escaped(use.node.slice(0, 18))}</text><text x="${124 + Math.min(1, of(use)) * plotWidth}" y="${y + 9}">${percent(of(use))}</text>`;
  });
  return `<svg width="640" height="${30 + bars.length * barHeight}"><text x="0" y="12" class="title">${escaped(title)}</text>${bars.join('')}</svg>`;
}

function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: 'th' | 'td'): string => `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}${rows.map((row) => line(row, 'td')).join('')}</table>`;
}

const style = 'body{font:14px sans-serif;margin:2em;color:#222}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:2px 8px;text-align:left}svg{display:inline-block;vertical-align:top}rect{fill:#4a78b5}text{font-size:10px}.title{font-size:12px;font-weight:bold}';

/** One page, with nothing to load. */
export function simulationHtml(result: SimulationResult): string {
  const { before, after, placements, pending, preempted } = result;
  return `<!doctype html><meta charset="utf-8"><title>Scheduling, simulated</title><style>${style}</style><h1>Scheduling, simulated</h1>
${htmlTable(['', 'before', 'after'], qualityRows.map(({ what, of }) => [what, of(before), of(after)]))}
${plot('processor asked for, before', before.uses, ({ cpu }) => cpu)}${plot('processor asked for, after', after.uses, ({ cpu }) => cpu)}
${plot('memory asked for, before', before.uses, ({ memory }) => memory)}${plot('memory asked for, after', after.uses, ({ memory }) => memory)}
<h2>Placed (${placements.length})</h2>${htmlTable(['pod', 'was on', 'goes to'], placements.map(({ pod, before: was, after: is }) => [pod, was, is]))}
<h2>Fits nowhere (${pending.length})</h2>${htmlTable(['pod', 'why'], pending.map(({ pod, message }) => [pod, message]))}
<h2>Makes room for others (${preempted.length})</h2>${htmlTable(['pod'], preempted.map((pod) => [pod]))}
`;
}
