import { fieldTexts } from '@coxswain/api/edge';
import type { Host } from '@coxswain/host';
import type { Command, FlagValues, RunningComponent } from '@coxswain/service';
import { limitHeapGrowth } from '@coxswain/service/edge';
import type { ApiServerConfig } from '../config.ts';
import type { PartsConfig } from '../parts.ts';
import { admissionFile } from './admission-config.ts';
import { auditConfig } from './audit-config.ts';
import { authenticationConfig } from './authentication-config.ts';
import { authorizationConfig } from './authorization-config.ts';
import { partsConfigFrom } from './config-from-flags.ts';
import { encryptionConfig } from './encryption-config.ts';
import { aggregationConfig } from './aggregation-config.ts';
import { ClientIdentities, type Followed } from './client-identities.ts';
import { flowControlConfig } from './flow-control-config.ts';
import { features, followTls, servingConfig, servingTls } from './serving-config.ts';
import { storageConfig } from './storage-config.ts';
import { tracingConfig } from './tracing-config.ts';
import { flags } from './flags.ts';
import { serveApiServer } from './serve.ts';
import { Trust } from './trust.ts';

function configFrom(values: FlagValues, host: Host, followed: Followed, more: Partial<PartsConfig>): ApiServerConfig {
  const storage = storageConfig(values, host);
  const parts = { ...partsConfigFrom(values, host, followed), ...features(values), ...more };
  return {
    ...storage, parts, fieldTexts: fieldTexts(),
    ...flowControlConfig(values), ...servingConfig(values), logRequests: values.int('v') >= 3,
    allowPrivileged: values.bool('allow-privileged'),
    ...aggregationConfig(values, followed.identities), requestTimeoutMs: values.durationMs('request-timeout'),
  };
}

async function start(values: FlagValues, host: Host): Promise<RunningComponent> {
  limitHeapGrowth({ leastPercent: 25, leastBytes: 128 * 1024 * 1024 });
  const tls = servingTls(values);
  const trust = new Trust(values, host.crypto);
  const followed: Followed = { trust, identities: new ClientIdentities(values) };
  const [authentication, authorization] = [await authenticationConfig(values, trust), await authorizationConfig(values)];
  const parts = { ...authentication, ...authorization, live: { ...authentication.live, ...authorization.live }, admission: await admissionFile(values) };
  const config = { ...configFrom(values, host, followed, parts), audit: await auditConfig(values), encryption: encryptionConfig(values), tracing: tracingConfig(values) };
  const at = {
    address: values.string('bind-address'), port: values.int('secure-port'), tls, maxStreams: values.int('http2-max-streams-per-connection'), shutdownDelayMs: values.durationMs('shutdown-delay-duration'),
    watchGraceMs: values.durationMs('shutdown-watch-termination-grace-period'), http1Only: values.bool('disable-http2-serving'), reusePort: values.bool('permit-port-sharing'), disabledMetrics: values.strings('disabled-metrics'),
  };
  const served = await serveApiServer(config, at, host);
  const endFollowing = followTls(values, served.listener, host, followed);
  return {
    ...served,
    stop: async () => {
      endFollowing();
      await served.stop();
    },
  };
}

export const command: Command = {
  name: 'apiserver',
  summary: 'the Kubernetes API: validates objects, keeps them in the store and tells watchers',
  flags,
  start,
};
