import { UsageError, type FlagValues } from '@coxswain/service';
import type { ApiServerConfig } from '../config.ts';
import { readFlagFile } from './config-from-flags.ts';

export function aggregationConfig(flags: FlagValues): Pick<ApiServerConfig, 'enableAggregatorRouting' | 'proxyClient' | 'rejectForwardingRedirects'> {
  const certPem = readFlagFile(flags, 'proxy-client-cert-file');
  const keyPem = readFlagFile(flags, 'proxy-client-key-file');
  if ((certPem === undefined) !== (keyPem === undefined)) throw new UsageError('--proxy-client-cert-file and --proxy-client-key-file go together');
  return {
    enableAggregatorRouting: flags.bool('enable-aggregator-routing'), rejectForwardingRedirects: flags.bool('aggregator-reject-forwarding-redirect'),
    ...(certPem === undefined || keyPem === undefined ? {} : { proxyClient: { certPem, keyPem } }),
  };
}
