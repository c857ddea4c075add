import type { Container, PodSecurityContext, PodSpec, SecurityContext } from 'kubernetes-types/core/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';

/** What is judged: a pod, or the template of one. */
export interface Subject {
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
}

/** Undefined: nothing to object to. */
export type Check = (subject: Subject) => Violation | undefined;

export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export function containersOf({ spec }: Subject): Container[] {
  return [...spec.initContainers ?? [], ...spec.containers ?? [], ...(spec.ephemeralContainers ?? []) as Container[]];
}

export function contextOf(container: Container): SecurityContext {
  return container.securityContext ?? {};
}

export function podContextOf({ spec }: Subject): PodSecurityContext {
  return spec.securityContext ?? {};
}

export function quoted(items: readonly string[]): string {
  return items.map((item) => `"${item}"`).join(', ');
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many;
}

/** `container "a"`, `containers "a", "b"`. */
export function named(noun: string, names: readonly string[]): string {
  return `${plural(names.length, noun)} ${quoted(names)}`;
}

/** By bytes, each once. */
export function sortedSet(items: readonly string[]): string[] {
  return [...new Set(items)].toSorted((a, b) => (a < b ? -1 : 1));
}

/** `pod and containers "a", "b"`: who sets what it must not. */
export function setters(pod: boolean, containers: readonly string[], more: readonly string[] = []): string | undefined {
  const all = [...(pod ? ['pod'] : []), ...(containers.length === 0 ? [] : [named('container', containers)]), ...more];
  return all.length === 0 ? undefined : all.join(' and ');
}

export function namesWhere(subject: Subject, bad: (container: Container) => boolean): string[] {
  return containersOf(subject).filter(bad).map((container) => container.name);
}
