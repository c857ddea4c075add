import { latest, type Policy } from './levels.ts';

export interface PodSecurityConfig {
  /** For namespaces whose labels do not say. */
  readonly defaults: Policy;
  readonly exemptions: {
    readonly usernames: readonly string[];
    readonly namespaces: readonly string[];
    readonly runtimeClasses: readonly string[];
  };
}

const open = { level: 'privileged', minor: latest } as const;

export const defaultPodSecurityConfig: PodSecurityConfig = {
  defaults: { enforce: open, audit: open, warn: open }, exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
};
