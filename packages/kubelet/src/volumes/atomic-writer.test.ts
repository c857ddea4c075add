import { fromUtf8, utf8, type Host } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { expect, test } from 'vitest';
import { hollowSystem } from '../hollow/system.ts';
import type { NodeFiles } from '../system.ts';
import { AtomicWriter, type Payload } from './atomic-writer.ts';

const directory = '/pods/1/volume';
const payloadOf = (text: string): Payload => new Map([['file', { data: utf8(text), mode: 0o755 }]]);

interface Place { readonly sim: Simulation; readonly host: Host; readonly files: NodeFiles; readonly writer: AtomicWriter }

function place(): Place {
  const sim = new Simulation({ seed: 1 });
  const { host } = sim.start('node', 'kubelet');
  const { files } = hollowSystem({ nodeName: 'node', address: '10.0.0.1', disk: host.disk });
  return { sim, host, files, writer: new AtomicWriter(host, files) };
}

async function read({ host, files }: Place): Promise<string> {
  return fromUtf8(await host.disk.readFile(`${directory}/${await files.readLink(`${directory}/..data`)}/file`));
}

test('writes what is new, and nothing twice', async () => {
  const here = place();
  const { sim, host, files, writer } = here;
  const story = async (): Promise<unknown[]> => {
    await files.makeDirectory(directory, 0o755);
    const changes = [await writer.write(directory, payloadOf('1')), await writer.write(directory, payloadOf('1')), await writer.write(directory, payloadOf('2'))];
    return [changes, await read(here), await files.readLink(`${directory}/file`), (await host.disk.list(directory)).length];
  };
  expect(await sim.runUntil(story(), 10_000, 'the writes')).toEqual([[true, false, true], '2', '..data/file', 3]);
});

test('a version that is gone, links that were not made and leftovers are repaired', async () => {
  const here = place();
  const { sim, host, files, writer } = here;
  const story = async (): Promise<unknown[]> => {
    await files.makeDirectory(`${directory}/..2026_01_01_00_00_00.1`, 0o755);
    await files.symlink('..2026_01_01_00_00_00.2', `${directory}/..data`);
    const first = await writer.write(directory, payloadOf('1'));
    await host.disk.remove(`${directory}/file`);
    const second = await writer.write(directory, payloadOf('1'));
    return [first, second, await read(here), await files.readLink(`${directory}/file`), (await host.disk.list(directory)).length];
  };
  expect(await sim.runUntil(story(), 10_000, 'the writes')).toEqual([true, false, '1', '..data/file', 3]);
});
