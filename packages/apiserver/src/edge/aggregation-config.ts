import type { FlagValues } from '@coxswain/service';
import type { ApiServerConfig } from '../config.ts';
import type { ClientIdentities } from './client-identities.ts';

export function aggregationConfig(flags: FlagValues, identities: ClientIdentities): Pick<ApiServerConfig, 'enableAggregatorRouting' | 'proxyClient' | 'rejectForwardingRedirects'> {
  return {
    enableAggregatorRouting: flags.bool('enable-aggregator-routing'), rejectForwardingRedirects: flags.bool('aggregator-reject-forwarding-redirect'),
    proxyClient: identities.proxy,
  };
}
