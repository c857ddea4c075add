import { expect } from 'vitest';
import { root, type Any, type Stage } from './world.ts';

export interface ApiOperations {
  readonly groupVersion: string;
  readonly resource: string;
  readonly namespaced: boolean;
  /** Without a name. */
  readonly object: Any;
  /** A field of the spec (or of the object) that may be changed by PUT: its path, and the new value. */
  readonly change?: { readonly path: readonly string[]; readonly value: Any };
  /** What PATCH and PUT of the status subresource write. Absent: there is none. */
  readonly status?: { readonly patch: Any; readonly update: Any };
  /** Metadata in a write of the status are ignored. */
  readonly statusOnly?: boolean;
}

function set(object: Any, path: readonly string[], value: Any): void {
  const parent = path.slice(0, -1).reduce((at, part) => (at[part] ??= {}), object);
  parent[path.at(-1) as string] = value;
}

function at(object: Any, path: readonly string[]): Any {
  return path.reduce((value, part) => value?.[part], object);
}

/** Reads, changes and writes; again if somebody was faster. */
export async function readAndUpdate(t: Stage, path: string, change: (object: Any) => void, writeTo = path): Promise<Any> {
  for (;;) {
    const next = await t.get(path);
    change(next);
    const answer = await t.call('PUT', writeTo, next);
    if (answer.status < 300) return answer.json;
    if (answer.status !== 409) throw new Error(`PUT ${path}: ${answer.status} ${answer.text}`);
  }
}

async function findInDiscovery(t: Stage, { groupVersion, resource, namespaced }: ApiOperations): Promise<void> {
  if (groupVersion.includes('/')) {
    const [group = '', version = ''] = groupVersion.split('/');
    const groups = (await t.get('/apis')).groups as Any[];
    expect(groups.find((one) => one.name === group)?.versions).toContainEqual({ groupVersion, version });
    expect((await t.get(`/apis/${group}`)).versions).toContainEqual({ groupVersion, version });
  }
  const found = ((await t.get(root(groupVersion))).resources as Any[]).find((one) => one.name === resource);
  expect(found?.namespaced).toBe(namespaced);
  for (const verb of ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']) expect(found.verbs).toContain(verb);
}

/**
 * The life of objects of one kind as the official "should support API operations" tests live it: found in discovery, created, read, listed, watched, patched,
 * updated, their status too, deleted, deleted as a collection.
 */
export async function apiOperations(t: Stage, options: ApiOperations): Promise<void> {
  const { groupVersion, resource, namespaced, object, change, status } = options;
  await findInDiscovery(t, options);
  const collection = namespaced ? t.path(groupVersion, resource) : `${root(groupVersion)}/${resource}`;
  const label = `test=${t.namespace}`;
  const made = async (suffix: string): Promise<Any> => t.create(collection, { ...object, metadata: { ...object.metadata, name: `${t.namespace}-${suffix}`, labels: { test: t.namespace } } });
  const [one, two, three] = [await made('a'), await made('b'), await made('c')];
  expect((await t.get(`${collection}/${one.metadata.name}`)).metadata.uid).toBe(one.metadata.uid);
  const list = await t.get(`${collection}?labelSelector=${label}`);
  expect(list.items.map((item: Any) => item.metadata.name)).toEqual([one, two, three].map((item) => item.metadata.name));
  if (namespaced) expect((await t.get(`${root(groupVersion)}/${resource}?labelSelector=${label}`)).items).toHaveLength(3);
  const watch = await t.watch(groupVersion, resource, { ...(namespaced ? { namespace: t.namespace } : {}), resourceVersion: list.metadata.resourceVersion, labelSelector: label });
  const path = `${collection}/${one.metadata.name}`;
  const patched = await t.patch(path, { metadata: { annotations: { patched: 'true' } } });
  expect(patched.metadata.annotations.patched).toBe('true');
  const updated = await readAndUpdate(t, path, (next) => {
    next.metadata.annotations.updated = 'true';
    if (change !== undefined) set(next, change.path, change.value);
  });
  expect(updated.metadata.annotations).toMatchObject({ patched: 'true', updated: 'true' });
  if (change !== undefined) expect(at(updated, change.path)).toEqual(change.value);
  await watch.until('MODIFIED', (seen) => seen.metadata.annotations?.patched === 'true');
  await watch.until('MODIFIED', (seen) => seen.metadata.annotations?.updated === 'true');
  if (status !== undefined) await statusOperations(t, path, status, options.statusOnly === true);
  await t.delete(path);
  await t.eventually('it is gone', async () => (await t.call('GET', path)).status === 404);
  await watch.until('DELETED', (seen) => seen.metadata.uid === one.metadata.uid);
  watch.stop();
  expect((await t.get(`${collection}?labelSelector=${label}`)).items).toHaveLength(2);
  await t.delete(`${collection}?labelSelector=${label}`);
  await t.eventually('all are gone', async () => (await t.get(`${collection}?labelSelector=${label}`)).items.length === 0);
}

/** Each field is there; of a list each item, for a controller may add its own. */
function expectWithin(actual: Any, wanted: Any): void {
  for (const [field, value] of Object.entries(wanted)) {
    if (Array.isArray(value)) for (const item of value) expect(actual[field]).toContainEqual(expect.objectContaining(item));
    else expect(actual[field]).toEqual(value);
  }
}

async function statusOperations(t: Stage, path: string, status: { readonly patch: Any; readonly update: Any }, statusOnly: boolean): Promise<void> {
  const patched = await t.patch(`${path}/status`, { metadata: { annotations: { patchedstatus: 'true' } }, status: status.patch });
  expectWithin(patched.status, status.patch);
  expect(patched.metadata.annotations?.patchedstatus).toBe(statusOnly ? undefined : 'true');
  const updated = await readAndUpdate(t, `${path}/status`, (next) => { next.status = status.update; });
  expectWithin(updated.status, status.update);
  expectWithin((await t.get(`${path}/status`)).status, status.update);
}
