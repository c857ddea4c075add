import { parse } from 'yaml';

/** kube-scheduler's own (k8s.io/component-base, ClientConnectionConfiguration's defaults for it). */
const defaults = { qps: 50, burst: 100 } as const;

interface Limits { readonly qps?: unknown; readonly burst?: unknown }

/** With a file kube-scheduler takes no notice of the flags. */
function limitsOf(command: string, read: (path: string) => string): Limits {
  const flag = (name: string): string | undefined => new RegExp(`--${name}[= ]['"]?([^\\s'"]+)`).exec(command)?.[1];
  const file = flag('config');
  if (file === undefined) return { qps: flag('kube-api-qps'), burst: flag('kube-api-burst') };
  return (parse(read(file)) as { clientConnection?: Limits } | undefined)?.clientConnection ?? {};
}

/** What a foreign scheduler's client may ask for in a second, for the reader of its result. */
export function describeLimits(command: string, read: (path: string) => string): string {
  try {
    const { qps = defaults.qps, burst = defaults.burst } = limitsOf(command, read);
    return `the foreign scheduler's client: ${String(qps)} QPS, burst ${String(burst)}, as far as its command and configuration say (kube-scheduler's own are ${defaults.qps} and ${defaults.burst}); by kubeconfig and environment it may have others`;
  } catch (error) {
    return `limits of the foreign scheduler's client are not known: ${(error as Error).message.split('\n')[0]}`;
  }
}
