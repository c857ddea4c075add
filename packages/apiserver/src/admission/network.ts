import type { Service } from 'kubernetes-types/core/v1';
import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1';
import { readyList } from '../ready-list.ts';
import { typed, typedOrNone } from '../typed.ts';
import type { AdmissionPlugin, CacheReader } from '../types.ts';
import { isResource, refuse } from './attributes.ts';

const group = 'networking.k8s.io';

/** The newest class marked default, then the first by name. */
async function defaultIngressClassName(cache: CacheReader): Promise<string | undefined> {
  const classes = (await readyList(cache, group, 'ingressclasses')).map((object) => typed<IngressClass>(object));
  const marked = classes.filter((one) => one.metadata?.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true');
  const age = (one: IngressClass): string => one.metadata?.creationTimestamp ?? '';
  return marked.toSorted((a, b) => age(b).localeCompare(age(a)) || (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? ''))[0]?.metadata?.name;
}

export function defaultIngressClass(cache: CacheReader): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    operations: ['CREATE'],
    resources: new Set(['ingresses']),
    async admit(a) {
      if (!isResource(a, group, 'ingresses') || a.object === undefined) return;
      const ingress = typed<Ingress>(a.object);
      if (ingress.spec?.ingressClassName !== undefined || ingress.metadata?.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
      const name = await defaultIngressClassName(cache);
      if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name };
    },
  };
}

/** Whoever may write services could otherwise take over any address's traffic. Addresses that a service has already may stay. */
export const denyServiceExternalIps: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  operations: ['CREATE', 'UPDATE'],
  validate(a) {
    if (!isResource(a, '', 'services')) return Promise.resolve();
    const before = new Set(typedOrNone<Service>(a.oldObject)?.spec?.externalIPs ?? []);
    const added = (typedOrNone<Service>(a.object)?.spec?.externalIPs ?? []).some((address) => !before.has(address));
    if (added) throw refuse(a, 'Use of external IPs is denied by admission control');
    return Promise.resolve();
  },
};
