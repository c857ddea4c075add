import type { FlagSet } from '@coxswain/service';

export const aggregationFlags: FlagSet = {
  'enable-aggregator-routing': { kind: 'bool', default: false, help: 'Reach the Services of webhooks and aggregated APIs at one of their endpoints rather than at their cluster address.' },
};
