import { parseSchedulerFile } from '../../config-file.ts';

/** Of a scheduler that places gangs. */
export const gangConfigFile = {
  apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration',
  profiles: [{ plugins: { multiPoint: { enabled: [{ name: 'Coscheduling' }] }, queueSort: { enabled: [{ name: 'Coscheduling' }], disabled: [{ name: '*' }] } } }],
} as const;

export const gangConfig = parseSchedulerFile(gangConfigFile, 'bench').config;
