import fc from 'fast-check';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { expect, test } from 'vitest';
import { SchedulerCache } from '../../cache/cache.ts';
import { podInfoOf } from '../../cache/pod-info.ts';
import { defaultProfile } from '../../config.ts';
import { CycleState } from '../../framework/cycle-state.ts';
import { makeFramework } from '../../profile.ts';
import { Nominations } from '../../queue/nominations.ts';
import { testHandle } from '../../testing/handle.ts';
import { host } from '../../testing/history.ts';
import { tableNode } from '../../testing/plugin-table.ts';
import { dryRun, pickCandidate, type Candidate, type Trial } from './candidates.ts';
import { DryRuns } from './dry-runs.ts';

const pod = (uid: string, cpu: number, priority: number, nodeName = '', start = 0): Pod => ({
  metadata: { name: uid, namespace: 'x', uid, labels: { app: String(priority) } },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: String(cpu) } } }], priority, nodeName },
  status: { startTime: new Date(Date.UTC(2026, 0, 1, 0, 0, start)).toISOString() },
});

const budget = (app: number, disruptionsAllowed: number): PodDisruptionBudget =>
  ({ metadata: { name: 'b', namespace: 'x' }, spec: { selector: { matchLabels: { app: String(app) } } }, status: { currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptionsAllowed } });

function told(trial: Trial): unknown {
  return trial.candidate === undefined ? trial.refused : { ...trial.candidate, victims: trial.candidate.victims.map(({ uid }) => uid) };
}

test('what is remembered of dry runs is what each would find anew, whatever comes, goes, starts or is promised between them', () => {
  const step = fc.record({
    kind: fc.constantFrom('ask', 'ask', 'ask', 'come', 'go', 'promise', 'budget'), which: fc.nat(7), node: fc.nat(2), cpu: fc.integer({ min: 1, max: 3 }), priority: fc.nat(2), start: fc.nat(3),
  });
  let candidates = 0;
  fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
    const [cache, nominations, framework, dryRuns] = [new SchedulerCache(), new Nominations(), makeFramework(defaultProfile, testHandle(host), host.timers), new DryRuns()];
    for (const at of [0, 1, 2]) cache.setNode(tableNode(`n${at}`, {}, { cpu: '4', memory: '8Gi', pods: '10' }));
    for (const at of [0, 1, 2]) cache.setPod(pod(`full-${at}`, 4, 0, `n${at}`));
    let budgets: readonly PodDisruptionBudget[] = [];
    for (const { kind, which, node, cpu, priority, start } of steps) {
      switch (kind) {
        case 'come': cache.setPod(pod(`placed-${which}`, cpu, priority, `n${node}`, start)); break;
        case 'go': cache.removePod(which < 3 ? `full-${which}` : `placed-${which}`); break;
        case 'promise': nominations.nominate(podInfoOf(pod(`asked-${which}`, cpu, priority + 1)), start === 0 ? '' : `n${node}`); break;
        case 'budget': budgets = start === 0 ? [] : [budget(priority, start - 1)]; break;
        case 'ask': {
          const [asked, snapshot, state] = [podInfoOf(pod(`asked-${which}`, cpu, priority + 1)), cache.snapshot(), new CycleState()];
          framework.preFilter(state, asked, snapshot);
          const trials = dryRuns.of(framework, nominations, state, asked, snapshot, budgets);
          for (const info of snapshot.nodes) {
            const anew = dryRun(framework, nominations, state, asked, info, budgets);
            const candidate = trials.candidate(info.row);
            expect(told(candidate === undefined ? { refused: trials.refusal(info.row) } : { candidate })).toEqual(told(anew));
            if (anew.candidate !== undefined) candidates += 1;
          }
          const rows = Array.from(snapshot.rows).filter((row) => trials.candidate(row) !== undefined);
          const least = rows.reduce((best, row) => (trials.isLess(row, best) ? row : best), rows[0] ?? -1);
          expect(least < 0 ? undefined : trials.candidate(least)).toBe(pickCandidate(rows.map((row) => trials.candidate(row) as Candidate)));
        }
      }
    }
  }), { numRuns: 300, seed: 29 });
  expect(candidates).toBeGreaterThan(500);
});
