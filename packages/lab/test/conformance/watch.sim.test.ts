import { expect } from 'vitest';
import { area, type Any, type Stage, type Watcher } from './world.ts';

function configMap(name: string, label: string): Any {
  return { metadata: { name, labels: { 'watch-this-configmap': label } }, data: {} };
}

async function mutate(t: Stage, name: string, mutation: number): Promise<Any> {
  return t.patch(t.path('v1', 'configmaps', name), { data: { mutation: String(mutation) } });
}

area('watches', (conformance) => {
  conformance('[sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps [Conformance]', async (t) => {
    const watchOf = (selector: string): Promise<Watcher> => t.watch('v1', 'configmaps', { namespace: t.namespace, labelSelector: selector });
    const [a, b, both] = [await watchOf('watch-this-configmap=A'), await watchOf('watch-this-configmap=B'), await watchOf('watch-this-configmap in (A,B)')];
    const maps = t.path('v1', 'configmaps');
    await t.create(maps, configMap('a', 'A'));
    for (const watch of [a, both]) expect((await watch.next())).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    await mutate(t, 'a', 1);
    await mutate(t, 'a', 2);
    for (const watch of [a, both]) for (const mutation of ['1', '2']) expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: { data: { mutation } } });
    await t.delete(`${maps}/a`);
    for (const watch of [a, both]) expect(await watch.next()).toMatchObject({ type: 'DELETED', object: { metadata: { name: 'a' }, data: { mutation: '2' } } });
    await t.create(maps, configMap('b', 'B'));
    await t.delete(`${maps}/b`);
    for (const watch of [b, both]) for (const type of ['ADDED', 'DELETED']) expect(await watch.next()).toMatchObject({ type, object: { metadata: { name: 'b' } } });
    expect(a.events).toHaveLength(4);
    for (const watch of [a, b, both]) watch.stop();
  });

  conformance('[sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]', async (t) => {
    const maps = t.path('v1', 'configmaps');
    await t.create(maps, configMap('a', 'from-version'));
    const first = await mutate(t, 'a', 1);
    await mutate(t, 'a', 2);
    await t.delete(`${maps}/a`);
    const watch = await t.watch('v1', 'configmaps', { namespace: t.namespace, labelSelector: 'watch-this-configmap=from-version', resourceVersion: first.metadata.resourceVersion });
    expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: { data: { mutation: '2' } } });
    expect(await watch.next()).toMatchObject({ type: 'DELETED', object: { data: { mutation: '2' } } });
    watch.stop();
  });

  conformance('[sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the previous watch [Conformance]', async (t) => {
    const maps = t.path('v1', 'configmaps');
    const options = { namespace: t.namespace, labelSelector: 'watch-this-configmap=restarted' };
    const before = await t.watch('v1', 'configmaps', options);
    await t.create(maps, configMap('a', 'restarted'));
    await mutate(t, 'a', 1);
    await before.next();
    const last = (await before.next()) as { readonly object: Any };
    before.stop();
    await mutate(t, 'a', 2);
    await t.delete(`${maps}/a`);
    const after = await t.watch('v1', 'configmaps', { ...options, resourceVersion: last.object.metadata.resourceVersion });
    expect(await after.next()).toMatchObject({ type: 'MODIFIED', object: { data: { mutation: '2' } } });
    expect(await after.next()).toMatchObject({ type: 'DELETED', object: { data: { mutation: '2' } } });
    after.stop();
  });

  conformance('[sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector [Conformance]', async (t) => {
    const maps = t.path('v1', 'configmaps');
    const watch = await t.watch('v1', 'configmaps', { namespace: t.namespace, labelSelector: 'watch-this-configmap=here' });
    const relabel = (label: string): Promise<Any> => t.patch(`${maps}/a`, { metadata: { labels: { 'watch-this-configmap': label } } });
    await t.create(maps, configMap('a', 'here'));
    await mutate(t, 'a', 1);
    await relabel('elsewhere');
    expect([await watch.next(), await watch.next(), await watch.next()].map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    await mutate(t, 'a', 2);
    await relabel('here');
    await mutate(t, 'a', 3);
    await t.delete(`${maps}/a`);
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { data: { mutation: '2' } } });
    expect(await watch.next()).toMatchObject({ type: 'MODIFIED', object: { data: { mutation: '3' } } });
    expect(await watch.next()).toMatchObject({ type: 'DELETED', object: { data: { mutation: '3' } } });
    watch.stop();
  });

  conformance('[sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]', async (t) => {
    const maps = t.path('v1', 'configmaps');
    const since = (await t.get(maps)).metadata.resourceVersion as string;
    const options = { namespace: t.namespace, labelSelector: 'watch-this-configmap=many' };
    const all = await t.watch('v1', 'configmaps', { ...options, resourceVersion: since });
    const producer = (async () => {
      for (let at = 0; at < 30; at += 1) {
        await t.create(maps, configMap(`m-${at}`, 'many'));
        if (at % 2 === 0) await mutate(t, `m-${at}`, 1);
        if (at % 3 === 0) await t.delete(`${maps}/m-${at}`);
      }
    })();
    const total = 30 + 15 + 10;
    const versions: string[] = [];
    const watchers: { readonly from: number; readonly watch: Watcher }[] = [];
    while (versions.length < total) {
      const event = (await all.next()) as { readonly object: Any };
      versions.push(event.object.metadata.resourceVersion);
      if (versions.length % 10 === 1) watchers.push({ from: versions.length, watch: await t.watch('v1', 'configmaps', { ...options, resourceVersion: event.object.metadata.resourceVersion }) });
    }
    await producer;
    for (const { from, watch } of watchers) {
      const seen: string[] = [];
      while (seen.length < total - from) seen.push(((await watch.next()) as { readonly object: Any }).object.metadata.resourceVersion);
      expect(seen).toEqual(versions.slice(from));
      watch.stop();
    }
    all.stop();
  });
});
