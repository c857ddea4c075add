import { fakeServerWorld } from '@coxswain/client/testing';
import type { CronJob, Job } from 'kubernetes-types/batch/v1';
import { expect, test } from 'vitest';
import { defaultConfig } from '../config.ts';
import { startControllerManager } from '../manager.ts';
import { beyondHistory, decide, observed } from './decide.ts';
import { dueSince, isTimeZone, parseSchedule, zonedTime } from './schedule.ts';

const at = (text: string): number => Date.parse(text);
const iso = (ms: number | undefined): string => (ms === undefined ? 'never' : new Date(ms).toISOString().slice(0, 16));
const next = (schedule: string, after: string, zone = 'Etc/UTC'): string => iso(parseSchedule(schedule, zone).next(at(after)));

test('schedules', () => {
  expect(next('*/15 * * * *', '2026-01-01T00:15:00Z')).toBe('2026-01-01T00:30');
  expect(next('5/20 * * * *', '2026-01-01T00:05:00Z')).toBe('2026-01-01T00:25');
  expect(next('0 0 1 jan ?', '2026-01-01T00:00:00Z')).toBe('2027-01-01T00:00');
  expect(next('@hourly', '2026-01-01T00:00:00Z')).toBe('2026-01-01T01:00');
  expect(next('@every 1h30m', '2026-01-01T00:00:00Z')).toBe('2026-01-01T01:30');
  // The 13th, and every Friday: both fields restricted means either.
  expect(next('0 0 13 * FRI', '2026-01-09T00:00:00Z')).toBe('2026-01-13T00:00');
  expect(next('0 0 31 2 *', '2026-01-01T00:00:00Z')).toBe('never');
  expect(() => parseSchedule('61 * * * *')).toThrow();
});

test('time zones, over a change of the clocks too', () => {
  expect(next('0 3 * * *', '2026-01-01T00:00:00Z', 'America/New_York')).toBe('2026-01-01T08:00');
  expect(next('0 12 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin')).toBe('2026-03-29T10:00');
  expect(next('TZ=Asia/Tokyo 0 9 * * *', '2026-01-01T00:00:00Z')).toBe('2026-01-02T00:00');
  expect([isTimeZone('Etc/UTC'), isTimeZone('Asia/Kolkata'), isTimeZone('Mars/Olympus')]).toEqual([true, true, false]);
  expect(zonedTime(at('2026-07-01T12:00:00Z'), 'America/New_York')).toBe('2026-07-01T08:00:00-04:00');
  expect(zonedTime(at('2026-07-01T12:00:00Z'), undefined)).toBe('2026-07-01T12:00:00Z');
});

test('what has become due; long ago means many', () => {
  const hourly = parseSchedule('0 * * * *', 'Etc/UTC');
  expect(dueSince(hourly, at('2026-01-01T10:00:00Z'), at('2026-01-01T10:59:59Z'))).toEqual({ atMs: undefined, missed: 0 });
  expect(dueSince(hourly, at('2026-01-01T10:00:00Z'), at('2026-01-01T12:30:00Z'))).toEqual({ atMs: at('2026-01-01T12:00:00Z'), missed: 2 });
  expect(dueSince(hourly, at('2016-01-01T10:00:00Z'), at('2026-01-01T12:30:00Z'))).toEqual({ atMs: at('2026-01-01T12:00:00Z'), missed: 101 });
});

const cronJob = (spec: Partial<NonNullable<CronJob['spec']>> = {}, status: CronJob['status'] = {}): CronJob => ({
  metadata: { name: 'c', namespace: 'default', uid: 'c', creationTimestamp: '2026-01-01T10:00:30Z' }, spec: { schedule: '* * * * *', jobTemplate: {}, ...spec }, status,
});
const everyMinute = parseSchedule('* * * * *', 'Etc/UTC');

test('whether a job starts', () => {
  const now = at('2026-01-01T10:05:20Z');
  const started = at('2026-01-01T10:04:00Z');
  expect(decide(cronJob(), everyMinute, 0, started, now)).toEqual({ kind: 'start', atMs: at('2026-01-01T10:05:00Z'), replace: false });
  expect(decide(cronJob(), everyMinute, 0, at('2026-01-01T10:05:00Z'), now)).toEqual({ kind: 'wait' });
  expect(decide(cronJob(), everyMinute, 1, started, now)).toMatchObject({ kind: 'start' });
  expect(decide(cronJob({ concurrencyPolicy: 'Forbid' }), everyMinute, 1, started, now)).toMatchObject({ kind: 'wait', told: { reason: 'JobAlreadyActive' } });
  expect(decide(cronJob({ concurrencyPolicy: 'Replace' }), everyMinute, 1, started, now)).toMatchObject({ kind: 'start', replace: true });
  expect(decide(cronJob({ startingDeadlineSeconds: 20 }), everyMinute, 0, started, now)).toMatchObject({ kind: 'wait', told: { type: 'Warning', reason: 'MissSchedule' } });
  expect(decide(cronJob({ startingDeadlineSeconds: 21 }), everyMinute, 0, started, now)).toMatchObject({ kind: 'start' });
  expect(decide(cronJob(), everyMinute, 0, undefined, now + 7_200_000)).toMatchObject({ kind: 'start', atMs: at('2026-01-01T12:05:00Z'), told: { reason: 'TooManyMissedTimes' } });
});

const job = (name: string, ending: 'Complete' | 'Failed' | undefined, startTime: string): Job => ({
  metadata: { name, namespace: 'default', uid: name }, status: { startTime, ...(ending === undefined ? {} : { conditions: [{ type: ending, status: 'True' }] }), ...(ending === 'Complete' ? { completionTime: startTime } : {}) },
});

test('what the jobs say of it', () => {
  const status = { active: [{ uid: 'done', name: 'done' }, { uid: 'runs', name: 'runs' }, { uid: 'gone', name: 'gone' }], lastSuccessfulTime: '2026-01-01T08:00:00Z' };
  const jobs = [job('done', 'Complete', '2026-01-01T09:00:00Z'), job('runs', undefined, '2026-01-01T10:00:00Z'), job('odd', undefined, '2026-01-01T10:00:00Z'), job('old', 'Complete', '2026-01-01T07:00:00Z')];
  const seen = observed(cronJob({}, status), jobs, () => false);
  expect(seen.status).toEqual({ active: [{ uid: 'runs', name: 'runs' }], lastSuccessfulTime: '2026-01-01T09:00:00Z' });
  expect(seen.told.map(({ reason, message }) => `${reason}: ${message}`)).toEqual([
    'SawCompletedJob: Saw completed job: done, condition: Complete', 'MissingJob: Active job went missing: gone', 'UnexpectedJob: Saw a job that the controller did not create or forgot: odd',
  ]);
  expect(observed(cronJob({}, status), jobs, () => true).status.active).toHaveLength(2);
});

test('history', () => {
  const jobs = ['01', '02', '03', '04', '05'].flatMap((hour) => [job(`good-${hour}`, 'Complete', `2026-01-01T${hour}:00:00Z`), job(`bad-${hour}`, 'Failed', `2026-01-01T${hour}:30:00Z`)]);
  const names = (spec: Partial<NonNullable<CronJob['spec']>>): (string | undefined)[] => beyondHistory(cronJob(spec), jobs.toReversed()).map(({ metadata }) => metadata?.name);
  expect(names({})).toEqual(['good-01', 'good-02', 'bad-01', 'bad-02', 'bad-03', 'bad-04']);
  expect(names({ successfulJobsHistoryLimit: 4, failedJobsHistoryLimit: 5 })).toEqual(['good-01']);
});

test('an hour by the simulated clock: one job a time, none while suspended, no overlap where forbidden', async () => {
  const { sim, server, serverHost, beside } = await fakeServerWorld(7);
  const { host, client } = beside('manager');
  const cronJobs = { group: 'batch', resource: 'cronjobs', namespace: 'default' };
  const jobs = (): Job[] => server.store.list('batch', 'jobs', 'default') as Job[];
  const of = (name: string): Job[] => jobs().filter(({ metadata }) => metadata?.ownerReferences?.[0]?.name === name);
  const make = (name: string, spec: object): void => {
    server.store.create(cronJobs, { metadata: { name, creationTimestamp: new Date(serverHost.clock.nowMs()).toISOString() }, spec: { schedule: '*/10 * * * *', timeZone: 'Etc/UTC', jobTemplate: { metadata: { labels: { of: name } }, spec: { template: {} } }, ...spec } });
  };
  make('allow', {});
  make('forbid', { concurrencyPolicy: 'Forbid' });
  make('replace', { concurrencyPolicy: 'Replace' });
  make('suspended', { suspend: true });
  const manager = await startControllerManager({ ...defaultConfig, leaderElection: { ...defaultConfig.leaderElection, enabled: false }, controllers: ['cronjob-controller'] }, host, { own: client, forAccount: () => client });
  // The clock begins on the hour; nothing ends by itself here.
  await sim.run(3_601_000);
  expect(of('allow')).toHaveLength(6);
  expect(of('forbid')).toHaveLength(1);
  expect(of('replace')).toHaveLength(1);
  expect(of('suspended')).toHaveLength(0);
  for (const { metadata } of of('allow')) expect(Number(metadata?.name?.split('-')[1]) % 10).toBe(0);
  expect(of('allow')[0]?.metadata).toMatchObject({ labels: { of: 'allow' }, annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': expect.stringMatching(/0:00Z$/) as string } });
  const read = (name: string): CronJob => server.store.get({ ...cronJobs, name }) as CronJob;
  expect(read('allow').status?.active).toHaveLength(6);
  expect(read('allow').status?.lastScheduleTime).toMatch(/0:00Z$/);
  // All end: only as many as the limits say are kept.
  for (const { metadata } of of('allow')) {
    const key = { group: 'batch', resource: 'jobs', namespace: 'default', name: metadata?.name ?? '' };
    server.store.update(key, { ...server.store.get(key), status: { conditions: [{ type: 'Complete', status: 'True' }], completionTime: new Date(serverHost.clock.nowMs()).toISOString() } }, '');
  }
  await sim.run(30_000);
  expect(of('allow')).toHaveLength(3);
  expect(read('allow').status?.active ?? []).toEqual([]);
  expect(read('allow').status?.lastSuccessfulTime).toBeDefined();
  expect(manager.health()).toBeUndefined();
  sim.stop();
});
