import type { Metrics } from '@coxswain/service';
import type { RequestInfo } from '../types.ts';

const secondsBuckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

export interface RequestMetrics {
  observe(info: RequestInfo, status: number, elapsedMs: number): void;
}

export function requestMetrics(metrics: Metrics): RequestMetrics {
  const total = metrics.counter('apiserver_request_total', 'Counter of apiserver requests broken out for each verb, group, version, resource, scope and HTTP response code.', ['verb', 'group', 'version', 'resource', 'subresource', 'code']);
  const duration = metrics.histogram('apiserver_request_duration_seconds', 'Response latency distribution in seconds for each verb, group, version, resource and subresource.', secondsBuckets, ['verb', 'group', 'version', 'resource', 'subresource']);
  return {
    observe(info, status, elapsedMs) {
      const { group, version, resource, subresource } = info;
      const labels = { verb: info.isResourceRequest ? info.verb.toUpperCase() : info.verb, group, version, resource, subresource };
      total.inc({ ...labels, code: String(status) });
      if (info.verb !== 'watch') duration.observe(elapsedMs / 1000, labels);
    },
  };
}
