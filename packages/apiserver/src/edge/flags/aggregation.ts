import type { FlagSet } from '@coxswain/service';

export const aggregationFlags: FlagSet = {
  'enable-aggregator-routing': { kind: 'bool', default: false, help: 'Reach the Services of webhooks and aggregated APIs at one of their endpoints rather than at their cluster address.' },
  'proxy-client-cert-file': { kind: 'string', default: '', help: 'File with the client certificate that proves to aggregated APIs that this server says who asks.' },
  'proxy-client-key-file': { kind: 'string', default: '', help: 'File with the key of --proxy-client-cert-file.' },
  'aggregator-reject-forwarding-redirect': { kind: 'bool', default: true, help: 'Redirects by aggregated APIs are not passed on to clients.' },
};
