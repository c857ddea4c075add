import type { MemberSample, Violation } from './history.ts';

/** What members say of themselves: I3 revisions never decrease, I6 one leader a term, I7 equal index means equal state. */
export function checkMembers(samples: readonly MemberSample[]): readonly Violation[] {
  return [...checkLives(samples), ...checkLeaders(samples), ...checkEqual(samples)];
}

function checkLives(samples: readonly MemberSample[]): readonly Violation[] {
  const last = new Map<string, MemberSample>();
  const found: Violation[] = [];
  for (const sample of samples) {
    const life = `${sample.member}#${sample.life}`;
    const before = last.get(life);
    last.set(life, sample);
    if (before === undefined) continue;
    for (const field of ['revision', 'applied', 'committed', 'term'] as const) {
      if (sample[field] < before[field]) found.push({ rule: field === 'revision' ? 'I3 dense revisions' : 'raft monotonic', message: `${life}: ${field} ${before[field]} at ${before.atMs} ms, ${sample[field]} at ${sample.atMs} ms` });
    }
  }
  return found;
}

function checkLeaders(samples: readonly MemberSample[]): readonly Violation[] {
  const leaders = new Map<number, MemberSample>();
  const found: Violation[] = [];
  for (const sample of samples) {
    if (sample.role !== 'leader') continue;
    const other = leaders.get(sample.term);
    if (other === undefined) leaders.set(sample.term, sample);
    else if (other.member !== sample.member) found.push({ rule: 'I6 one leader a term', message: `${other.member} at ${other.atMs} ms and ${sample.member} at ${sample.atMs} ms lead term ${sample.term}` });
  }
  return found;
}

function checkEqual(samples: readonly MemberSample[]): readonly Violation[] {
  const at = new Map<number, MemberSample>();
  const found: Violation[] = [];
  for (const sample of samples) {
    const other = at.get(sample.applied);
    if (other === undefined || (other.hash === undefined && sample.hash !== undefined && other.revision === sample.revision)) {
      at.set(sample.applied, sample);
      continue;
    }
    const sameHash = other.hash === undefined || sample.hash === undefined || other.hash === sample.hash;
    const sameAuth = other.auth === undefined || sample.auth === undefined || other.auth === sample.auth;
    if (other.revision === sample.revision && sameHash && !sameAuth) found.push({ rule: 'I7 equal states', message: `at index ${sample.applied} ${name(other)} knows ${other.auth}, ${name(sample)} ${sample.auth}` });
    if (other.revision === sample.revision && sameHash) continue;
    found.push({ rule: 'I7 equal states', message: `at index ${sample.applied} ${name(other)} has revision ${other.revision}, hash ${other.hash}; ${name(sample)} has ${sample.revision}, ${sample.hash}` });
  }
  return found;
}

function name({ member, life, atMs }: MemberSample): string {
  return `${member}#${life} (${atMs.toFixed(1)} ms)`;
}
