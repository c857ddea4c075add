import { expect, test } from 'vitest';
import { countsSince, eventsIn, writesIn } from './requests.ts';

/** As kube-apiserver and we write them: labels in any order. */
const metrics = (events: number): string => `# HELP apiserver_request_total Counter
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="status",verb="PATCH",version="v1"} 7
apiserver_request_total{code="201",component="apiserver",dry_run="",group="events.k8s.io",resource="events",scope="resource",subresource="",verb="POST",version="v1"} ${events}
apiserver_request_total{verb="POST",group="",version="v1",resource="events",subresource="",scope="resource",component="apiserver",dry_run="",code="201"} 2
apiserver_request_total{verb="POST",group="",version="v1",resource="events",subresource="",scope="resource",component="apiserver",dry_run="",code="409"} 5
apiserver_request_total{verb="LIST",group="",version="v1",resource="pods",subresource="",scope="cluster",component="apiserver",dry_run="",code="200"} 3
apiserver_request_duration_seconds_count{verb="POST",resource="events"} 9
`;

test('writes that went well are counted by verb, resource and subresource, of all versions together', () => {
  expect(writesIn(metrics(10))).toEqual({ 'PATCH pods/status': 7, 'POST events': 12 });
});

test('what was written between two looks', () => {
  const since = countsSince(writesIn(metrics(10)), { ...writesIn(metrics(31)), 'PATCH events': 4 });
  expect(since).toEqual({ 'POST events': 21, 'PATCH events': 4 });
  expect(eventsIn(since)).toBe(25);
  expect(eventsIn({})).toBe(0);
});
