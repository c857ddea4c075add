import type { Explanation, NodeScore } from '@coxswain/scheduler';

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function head(told: Explanation): string {
  const pod = `${told.namespace}/${told.name}`;
  const try_ = `try ${told.attempt}, ${told.time}, by ${told.scheduler}`;
  switch (told.outcome) {
    case 'placed': return `${pod} went to ${told.node ?? ''} (${try_})`;
    case 'unfit': return `${pod} fits nowhere (${try_})`;
    case 'no-nodes': return `${pod}: there are no nodes (${try_})`;
    case 'error': return `${pod} could not be decided (${try_})`;
    case 'gang': return `${pod} waits for its gang${told.node === undefined ? '' : `, alone it would have gone to ${told.node}`} (${try_})`;
    case 'unbound': return `${pod} was to go to ${told.node ?? ''} and was not bound (${try_})`;
    case 'held': return `${pod} is not to be tried yet (${told.time}, by ${told.scheduler})`;
  }
}

function scoreLine({ node, total, plugins }: NodeScore): string {
  const parts = plugins.filter(({ normalized }) => normalized !== 0).map(({ plugin, weight, normalized }) => `${plugin} ${weight === 1 ? '' : `${weight} x `}${Math.round(normalized * 100) / 100}`);
  return `    ${node}  ${Math.round(total * 100) / 100}  = ${parts.join(' + ')}`;
}

function preemptionLines({ preemption }: Explanation): string[] {
  if (preemption === undefined) return [];
  const lines = preemption.candidates.map(({ node, victims, budgetsViolated, chosen }) =>
    `    ${node}${chosen ? ' (chosen)' : ''}: without ${victims.join(', ')}${budgetsViolated > 0 ? `, against ${plural(budgetsViolated, 'disruption budget')}` : ''}`);
  return [`  preemption: ${lines.length === 0 ? preemption.message : ''}`.trimEnd(), ...lines];
}

function gangLine({ group, minMember, placed, members, culprit }: NonNullable<Explanation['gang']>): string {
  const gang = `gang ${group}`;
  if (minMember === undefined) return `  ${gang} waits for its PodGroup`;
  if (members < minMember) return `  ${gang} waits for ${minMember - members} of ${plural(minMember, 'member')}`;
  return `  ${gang}: ${placed} of ${plural(minMember, 'member')} placed${culprit === undefined ? '' : `, no room for ${culprit}`}`;
}

/** One decision as text for people. */
export function explanationText(told: Explanation): string {
  const { nodes } = told;
  const lines = [head(told)];
  if (told.message !== '') lines.push(`  ${told.message}`);
  if (told.gang !== undefined) lines.push(gangLine(told.gang));
  if (told.outcome === 'held') return lines.join('\n');
  lines.push(`  ${plural(nodes.evaluated, 'node')} of ${nodes.total} looked at, ${nodes.feasible} would do`);
  if (told.rejections.length > 0) lines.push('  refused:');
  for (const { plugin, reasons, count, examples } of told.rejections) lines.push(`    ${plural(count, 'node')} by ${plugin}: ${reasons.join(', ')} (${examples.join(', ')}${count > examples.length ? ', ...' : ''})`);
  if (told.scores.length > 0) lines.push('  best scores:', ...told.scores.map(scoreLine));
  lines.push(...preemptionLines(told));
  if (told.changes.length > 0) lines.push('  what alone would help, least first:');
  for (const { target, change, nodes: count, examples } of told.changes) lines.push(`    ${target}: ${change} (then ${plural(count, 'node')} would do: ${examples.join(', ')}${count > examples.length ? ', ...' : ''})`);
  if (told.verdicts !== undefined) lines.push('  every node looked at:', ...told.verdicts.map(({ node, feasible, plugin, reasons }) => `    ${node}: ${feasible ? 'would do' : `${plugin}: ${reasons.join(', ')}`}`));
  return lines.join('\n');
}
