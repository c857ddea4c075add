import { DiskError, silentLogger, type Disk } from '@coxswain/host';
import { Simulation } from '@coxswain/host/sim';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../raft/types.ts';
import { crc32c } from './crc32c.ts';
import { entryRecord, segmentRecord } from './payload.ts';
import { parseRecord, recordSize, writeRecord, type WalRecord } from './record.ts';
import { Wal, type WalOptions } from './wal.ts';

const options: WalOptions = { directory: '/wal', clusterId: 7n, memberId: 0xfedcba9876543210n, segmentBytes: 2000 };
const entry = (index: number, term: number, size = 50): Entry => ({ index, term, data: new Uint8Array(size).fill(index & 0xff) });

/** A machine whose processes come and go; each call runs in simulated time. */
class Machine {
  readonly sim: Simulation;
  #process: ReturnType<Simulation['start']>;

  constructor(seed: number) {
    this.sim = new Simulation({ seed });
    this.#process = this.sim.start('m', 'wal');
  }

  get disk(): Disk {
    return this.#process.host.disk;
  }

  do<T>(work: Promise<T>): Promise<T> {
    return this.sim.runUntil(work, 60_000, 'disk work');
  }

  powerCut(): void {
    this.sim.kill(this.#process, { powerCut: true });
    this.#process = this.sim.start('m', 'wal');
  }

  /** kill -9: what was written stays in the system's cache. */
  kill(): void {
    this.sim.kill(this.#process);
    this.#process = this.sim.start('m', 'wal');
  }

  open(): ReturnType<typeof Wal.open> {
    return this.do(Wal.open(this.disk, options, silentLogger));
  }

  /** Changes a file behind the log's back. */
  async edit(name: string, change: (data: Uint8Array) => Uint8Array): Promise<void> {
    const path = `/wal/${name}`;
    await this.do(this.disk.writeFileAtomic(path, change(await this.do(this.disk.readFile(path)))));
  }
}

/** Zeros are written ahead of the records. */
const withoutZeros = (data: Uint8Array): Uint8Array => data.subarray(0, data.findLastIndex((byte) => byte !== 0) + 1);

const lastSegment = async (machine: Machine): Promise<string> => (await machine.do(machine.disk.list('/wal'))).at(-1) as string;

it('CRC-32C of the check string (RFC 3720)', () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new TextEncoder().encode('56789'), crc32c(new TextEncoder().encode('1234')))).toBe(0xe3069283);
});

describe('the write-ahead log', () => {
  it('gives back what was appended, over several segments', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    for (let index = 1; index <= 100; index += 1) await machine.do(wal.append({ hardState: { term: 3, vote: 5n, commit: index - 1 }, entries: [entry(index, 3)] }));
    expect(wal.segmentCount).toBeGreaterThan(3);
    machine.powerCut();
    const { recovered } = await machine.open();
    expect(recovered.entries).toEqual(Array.from({ length: 100 }, (_, at) => entry(at + 1, 3)));
    expect(recovered.hardState).toEqual({ term: 3, vote: 5n, commit: 99 });
  });

  it('batches of any size, one after the other: behind the last record are zeros', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    const sizes = [3_000_000, 10, 400, 1, 1200, 0, 90];
    for (const [at, size] of sizes.entries()) {
      await machine.do(wal.append({ hardState: { term: 1, vote: 1n, commit: 0 }, entries: [entry(at + 1, 1, size)] }));
      const data = await machine.do(machine.disk.readFile(`/wal/${await lastSegment(machine)}`));
      let end = 0;
      for (let record = parseRecord(data, 0); record !== undefined; record = parseRecord(data, end)) end = record.end;
      expect(data.subarray(end).every((byte) => byte === 0), `after ${size} bytes`).toBe(true);
    }
    machine.powerCut();
    expect((await machine.open()).recovered.entries).toEqual(sizes.map((size, at) => entry(at + 1, 1, size)));
  });

  it('a power cut at any moment keeps every append that was answered', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const machine = new Machine(seed);
      let answered = 0;
      let first = 1;
      for (let life = 0; life < 4; life += 1) {
        const { wal, recovered } = await machine.open();
        const indexes = recovered.entries.map((one) => one.index);
        expect(indexes.length, `seed ${seed}`).toBeGreaterThanOrEqual(answered);
        expect(indexes, `seed ${seed}`).toEqual(indexes.map((_, at) => at + 1));
        first = indexes.length + 1;
        answered = indexes.length;
        const work = async (): Promise<void> => {
          for (let index = first; ; index += 3) {
            await wal.append({ hardState: { term: life + 1, vote: 1n, commit: 0 }, entries: [entry(index, life + 1), entry(index + 1, life + 1), entry(index + 2, life + 1, 300)] });
            answered = index + 2;
          }
        };
        void work();
        await machine.sim.run(5 + machine.sim.random.float() * 100);
        machine.powerCut();
      }
    }
  });

  it('what a restart has read outlives a power cut, although its last life was killed before the datasync', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const machine = new Machine(seed);
      const { wal } = await machine.open();
      const work = async (): Promise<void> => { for (let index = 1; ; index += 1) await wal.append({ hardState: { term: index, vote: 1n, commit: 0 }, entries: [entry(index, 1, 300)] }); };
      void work();
      await machine.sim.run(5 + machine.sim.random.float() * 100);
      machine.kill();
      const { wal: next, recovered: before } = await machine.open();
      expect(next.settled, 'nothing may be promised yet').toBe(false);
      await machine.do(next.append({ entries: [] }));
      machine.powerCut();
      const { recovered: after } = await machine.open();
      expect([after.entries.length, after.hardState], `seed ${seed}`).toEqual([before.entries.length, before.hardState]);
    }
  });

  it('goes on however few batches each of its lives has written, whatever ended them', async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const machine = new Machine(seed);
      let index = 0;
      for (let life = 0; life < 6; life += 1) {
        const { wal, recovered } = await machine.open();
        expect(recovered.entries.length, `seed ${seed}`).toBe(index);
        for (let left = Math.floor(machine.sim.random.float() * 3); left > 0; left -= 1) {
          index += 1;
          await machine.do(wal.append({ hardState: { term: index, vote: 1n, commit: 0 }, entries: [entry(index, 1)] }));
        }
        if (machine.sim.random.float() < 0.5) machine.powerCut();
        else machine.kill();
      }
    }
  });

  it('goes on in its next life after a disk that was full, or that failed a datasync, without what was not answered', async () => {
    for (const fault of ['no-space', 'io'] as const) {
      const machine = new Machine(1);
      const { wal } = await machine.open();
      for (const index of [1, 2, 3]) await machine.do(wal.append({ entries: [entry(index, 1)] }));
      const disk = machine.sim.machine('m').disk;
      disk.fault = fault;
      await expect(machine.do(wal.append({ entries: [entry(4, 1), entry(5, 1)] }))).rejects.toThrow(`simulated disk fault: ${fault}`);
      disk.fault = undefined;
      machine.kill();
      const next = await machine.open();
      expect(next.recovered.entries.map((one) => one.index), fault).toEqual([1, 2, 3]);
      await machine.do(next.wal.append({ entries: [entry(4, 2)] }));
      machine.powerCut();
      expect((await machine.open()).recovered.entries.map((one) => one.term), fault).toEqual([1, 1, 1, 2]);
    }
  });

  it('goes on in the same life, in a new file, when a full, read-only or failing disk has come back', async () => {
    for (const fault of ['no-space', 'io', 'read-only'] as const) {
      const machine = new Machine(1);
      const { wal } = await machine.open();
      for (const index of [1, 2, 3]) await machine.do(wal.append({ entries: [entry(index, 1)] }));
      const { disk } = machine.sim.machine('m');
      for (let attempt = 0; attempt < 3; attempt += 1) {
        disk.fault = fault;
        await expect(machine.do(wal.append({ entries: [entry(4, 1), entry(5, 1)] }))).rejects.toThrow(`simulated disk fault: ${fault}`);
      }
      disk.fault = undefined;
      await machine.do(wal.append({ entries: [entry(4, 1), entry(5, 1), entry(6, 1)] }));
      await machine.do(wal.purge(0));
      expect(await machine.do(machine.disk.list('/wal')), 'what failed attempts left is removed').toHaveLength(2);
      machine.powerCut();
      expect((await machine.open()).recovered.entries.map((one) => one.index), fault).toEqual([1, 2, 3, 4, 5, 6]);
    }
  });

  it('loses nothing that was answered, whichever operations fail and whenever the power goes', async () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const machine = new Machine(seed);
      const { random } = machine.sim;
      const { disk } = machine.sim.machine('m');
      let answered = 0;
      for (let life = 0; life < 4; life += 1) {
        disk.decide = undefined;
        const { wal, recovered } = await machine.open();
        expect(recovered.entries.map((one) => one.index), `seed ${seed}`).toEqual(Array.from({ length: recovered.entries.length }, (_, at) => at + 1));
        expect(recovered.entries.length, `seed ${seed}`).toBeGreaterThanOrEqual(answered);
        disk.decide = ({ kind }) => (kind !== 'read' && random.float() < 0.1 ? { error: 'io' } : undefined);
        const work = async (): Promise<void> => {
          for (let index = recovered.entries.length + 1; ; index += 1) {
            const batch = { hardState: { term: life + 1, vote: 1n, commit: 0 }, entries: [entry(index, life + 1, 200)] };
            for (let done = false; !done;) {
              try {
                await wal.append(batch);
                done = true;
              } catch (error) {
                if (!(error instanceof DiskError)) throw error;
              }
            }
            answered = index;
          }
        };
        void work();
        await machine.sim.run(5 + random.float() * 200);
        if (random.float() < 0.5) machine.powerCut();
        else machine.kill();
      }
    }
  });

  it('counts batches beyond 2^32', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    await machine.do(wal.append({ entries: [entry(1, 1)] }));
    const name = await lastSegment(machine);
    // As a log looks that has run for fifty days: the same records, counted from shortly before the mark.
    await machine.edit(name, (data) => {
      const out = new Uint8Array(data.length);
      let crc = 0;
      for (let at = 0, record = parseRecord(data, at); record !== undefined; at = record.end, record = parseRecord(data, at)) {
        crc = writeRecord(out, at, record, crc, (record.batch + 2 ** 32 - 4) >>> 0, record.last);
      }
      return out;
    });
    for (let index = 2; index < 12; index += 3) {
      const { wal: next, recovered } = await machine.open();
      expect(recovered.entries.map((one) => one.index)).toEqual(Array.from({ length: index - 1 }, (_, at) => at + 1));
      for (let more = 0; more < 3; more += 1) await machine.do(next.append({ entries: [entry(index + more, 1)] }));
      machine.powerCut();
    }
  });

  it('reads a log of the time before segments named the ones they continue, and goes on with it', async () => {
    const machine = new Machine(1);
    const old = (records: readonly WalRecord[], crc: number, batch: number): { readonly data: Uint8Array; readonly crc: number } => {
      const data = new Uint8Array(records.reduce((sum, record) => sum + recordSize(record), 0));
      let last = crc;
      let at = 0;
      for (const record of records) {
        last = writeRecord(data, at, record, last, batch, record === records[records.length - 1]);
        at += recordSize(record);
      }
      return { data, crc: last };
    };
    const head = (sequence: number): WalRecord => segmentRecord({ clusterId: options.clusterId, memberId: options.memberId, sequence });
    const first = old([head(0), entryRecord(entry(1, 1)), entryRecord(entry(2, 1))], 0, 1);
    const second = old([head(1), entryRecord(entry(3, 1))], first.crc, 2);
    await machine.do(machine.disk.makeDirectory('/wal'));
    await machine.do(machine.disk.writeFileAtomic('/wal/0000000000000000.wal', first.data));
    await machine.do(machine.disk.writeFileAtomic('/wal/0000000000000001.wal', second.data));
    const { wal } = await machine.open();
    await machine.do(wal.append({ entries: [entry(4, 1)] }));
    machine.powerCut();
    expect((await machine.open()).recovered.entries.map((one) => one.index)).toEqual([1, 2, 3, 4]);
  });

  it('stops with file and offset when the disk cannot read old records', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    for (let index = 1; index <= 80; index += 1) await machine.do(wal.append({ entries: [entry(index, 1)] }));
    let reads = 0;
    machine.sim.machine('m').disk.decide = ({ kind, path }) => (kind === 'read' && path.endsWith('1.wal') && (reads += 1) === 2 ? { error: 'io' } : undefined);
    await expect(machine.open()).rejects.toThrow(/write-ahead log is damaged: \/wal\/0{15}1\.wal at offset 0: the disk cannot read it .*replace this member/);
  });

  it('cuts a torn tail, says so, and goes on', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    for (const index of [1, 2, 3]) await machine.do(wal.append({ entries: [entry(index, 1)] }));
    await machine.edit(await lastSegment(machine), (data) => withoutZeros(data).subarray(0, -7));
    const lines: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => { lines.push(message); } };
    const reopened = await machine.do(Wal.open(machine.disk, options, log));
    expect(reopened.recovered.entries.map((one) => one.index)).toEqual([1, 2]);
    expect(lines).toEqual(['the tail of the write-ahead log was torn and is cut off']);
    await machine.do(reopened.wal.append({ entries: [entry(3, 2)] }));
    machine.powerCut();
    expect((await machine.open()).recovered.entries.map((one) => one.term)).toEqual([1, 1, 2]);
  });

  it('any flipped byte before the last write stops it with file and offset', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    for (const index of [1, 2, 3, 4]) await machine.do(wal.append({ entries: [entry(index, 1, 20)] }));
    const name = await lastSegment(machine);
    const whole = withoutZeros(await machine.do(machine.disk.readFile(`/wal/${name}`)));
    const lastRecord = whole.length - (13 + 16 + 20 + 4);
    for (let at = 0; at < lastRecord; at += 1) {
      await machine.edit(name, () => whole.map((byte, index) => (index === at ? byte ^ 0x55 : byte)));
      await expect(machine.open(), `byte ${at}`).rejects.toThrow(/write-ahead log is damaged: \/wal\/0{16}\.wal at offset \d+: .*replace this member/);
    }
  });

  it('refuses a log with a missing segment, and another member\'s', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    for (let index = 1; index <= 80; index += 1) await machine.do(wal.append({ entries: [entry(index, 1)] }));
    await expect(machine.do(Wal.open(machine.disk, { ...options, memberId: 2n }, silentLogger))).rejects.toThrow('belongs to member fedcba9876543210 of cluster 7, not to member 2');
    await machine.do(machine.disk.remove('/wal/0000000000000001.wal'));
    await expect(machine.open()).rejects.toThrow('segment 2 follows segment 0');
  });

  it('later entries replace earlier ones of the same index; an installed state replaces all', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    await machine.do(wal.append({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }));
    await machine.do(wal.append({ entries: [entry(2, 2)] }));
    expect((await machine.open()).recovered.entries.map((one) => [one.index, one.term])).toEqual([[1, 1], [2, 2]]);
    await machine.do(wal.append({ install: { index: 40, term: 5 }, entries: [entry(41, 5)], hardState: { term: 5, vote: 0n, commit: 41 } }));
    const { recovered } = await machine.open();
    expect([recovered.snapshot, recovered.entries.map((one) => one.index)]).toEqual([{ index: 40, term: 5 }, [41]]);
  });

  it('drops segments that a snapshot covers, and nothing that is still needed', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    for (let index = 1; index <= 100; index += 1) await machine.do(wal.append({ entries: [entry(index, 1)] }));
    await machine.do(wal.append({ snapshot: { index: 60, term: 1 }, entries: [] }));
    await machine.do(wal.purge(60));
    machine.powerCut();
    const { recovered } = await machine.open();
    expect(recovered.snapshot).toEqual({ index: 60, term: 1 });
    expect(recovered.entries.map((one) => one.index)).toEqual(Array.from({ length: 40 }, (_, at) => at + 61));
    expect((await machine.do(machine.disk.list('/wal')))[0]).not.toBe('0000000000000000.wal');
  });

  it('entries that were replaced may be all that the oldest segment begins with', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    // The first segment is full after entry 20; entry 21 was never committed, and a new leader replaces from 15 on.
    await machine.do(wal.append({ entries: Array.from({ length: 20 }, (_, at) => entry(at + 1, 1, 100)) }));
    await machine.do(wal.append({ entries: [entry(21, 1)] }));
    await machine.do(wal.append({ entries: Array.from({ length: 10 }, (_, at) => entry(at + 15, 2)) }));
    await machine.do(wal.append({ snapshot: { index: 22, term: 2 }, entries: [] }));
    await machine.do(wal.purge(22));
    expect((await machine.do(machine.disk.list('/wal')))[0]).not.toBe('0000000000000000.wal');
    const { recovered } = await machine.open();
    expect([recovered.snapshot, recovered.entries.map((one) => [one.index, one.term])]).toEqual([{ index: 22, term: 2 }, [[23, 2], [24, 2]]]);
  });

  it('remembers an installed state whose record was purged with its segment', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    // The record is the last of its segment: the next one begins right behind what the snapshot covers.
    await machine.do(wal.append({ entries: [entry(1, 1, 2500)] }));
    await machine.do(wal.append({ entries: [entry(2, 1, 1850)] }));
    await machine.do(wal.append({ install: { index: 500, term: 2 }, entries: [], hardState: { term: 2, vote: 0n, commit: 500 } }));
    await machine.do(wal.purge(500));
    await machine.do(wal.append({ entries: [entry(501, 2)] }));
    machine.powerCut();
    const { recovered } = await machine.open();
    expect([recovered.snapshot, recovered.hardState.commit, recovered.entries.map((one) => one.index)]).toEqual([{ index: 500, term: 2 }, 500, [501]]);
  });

  it('says what is wrong when committed entries are missing', async () => {
    const machine = new Machine(1);
    const { wal } = await machine.open();
    await machine.do(wal.append({ entries: [entry(1, 1)], hardState: { term: 1, vote: 1n, commit: 9 } }));
    await expect(machine.open()).rejects.toThrow('entry 9 was committed but the log ends at entry 1');
  });
});
