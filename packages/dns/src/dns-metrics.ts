import type { Clock } from '@coxswain/host';
import type { Metrics } from '@coxswain/service';

export interface DnsMetrics {
  /** Answers what to call with the response's code. */
  asked(type: string, transport: 'udp' | 'tcp'): (rcode: number) => void;
}

const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** Under CoreDNS' names. */
export function makeDnsMetrics(metrics: Metrics, clock: Clock): DnsMetrics {
  const requests = metrics.counter('coredns_dns_requests_total', 'Counter of DNS requests made per protocol and type.', ['proto', 'type']);
  const responses = metrics.counter('coredns_dns_responses_total', 'Counter of response status codes.', ['rcode']);
  const duration = metrics.histogram('coredns_dns_request_duration_seconds', 'Histogram of the time each request took.', [0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192]);
  return {
    asked(type, transport) {
      const startMs = clock.monotonicMs();
      // Types come from outside: unknown ones are one, so that nobody can fill the memory with them.
      requests.inc({ proto: transport, type: type.startsWith('UNKNOWN') ? 'other' : type });
      return (rcode) => {
        responses.inc({ rcode: rcodes[rcode] ?? String(rcode) });
        duration.observe((clock.monotonicMs() - startMs) / 1000);
      };
    },
  };
}
