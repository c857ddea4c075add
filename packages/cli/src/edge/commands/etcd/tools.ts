import type { Tool } from '../../../tool.ts';

/** `cox etcd NAME`: what an operator does to a store. */
export const etcdTools: Readonly<Record<string, () => Promise<Tool>>> = {
  doctor: async () => (await import('./doctor.ts')).doctor,
  member: async () => (await import('./member.ts')).member,
  snapshot: async () => (await import('./snapshot.ts')).snapshot,
  recover: async () => (await import('./recover.ts')).recover,
  migrate: async () => (await import('./migrate.ts')).migrate,
};
