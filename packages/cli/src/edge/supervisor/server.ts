import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import type { ComponentSpec } from '../../component.ts';
import { Child, type SavedChild } from './child.ts';
import { bootId } from './boot-id.ts';
import { runFolder, supervisorAlive, supervisorSocket } from './control.ts';

export interface SavedState {
  readonly pid: number;
  readonly bootId: string;
  readonly children: readonly SavedChild[];
}

/** What the last supervisor knew; undefined if it ended in order. */
export function loadState(run: string): SavedState | undefined {
  try {
    const state = JSON.parse(readFileSync(`${run}/supervisor.json`, 'utf8')) as SavedState;
    if (state.bootId === bootId()) return state;
    return { ...state, children: state.children.map((child) => ({ ...child, pid: undefined, startTicks: undefined })) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Keeps the wanted components running and does nothing else. What it knows is in DATA/run/supervisor.json before it acts
 * on it, so that a supervisor that was killed is replaced by one that adopts the same processes.
 */
class Supervisor {
  readonly #run: string;
  readonly #logs: string;
  readonly #children = new Map<string, Child>();

  constructor(data: string) {
    this.#run = `${data}/run`;
    this.#logs = `${data}/logs`;
    mkdirSync(this.#run, { recursive: true, mode: 0o700 });
    mkdirSync(this.#logs, { recursive: true, mode: 0o750 });
  }

  adopt(): void {
    const state = loadState(this.#run);
    for (const saved of state?.children ?? []) {
      const child = this.#make(saved.spec);
      child.adopt(saved);
    }
  }


  #save(): void {
    const state: SavedState = { pid: process.pid, bootId: bootId(), children: [...this.#children.values()].map((child) => child.saved()) };
    const path = `${this.#run}/supervisor.json`;
    writeFileSync(`${path}.tmp`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }

  #make(spec: ComponentSpec): Child {
    const child = new Child(spec, this.#logs, () => this.#save());
    this.#children.set(spec.name, child);
    return child;
  }

  /** Starts what is new, restarts what changed, leaves the rest alone. */
  async ensure(specs: readonly ComponentSpec[]): Promise<void> {
    for (const spec of specs) {
      const child = this.#children.get(spec.name);
      if (child === undefined) { this.#make(spec).start(); continue; }
      if (JSON.stringify(child.spec) !== JSON.stringify(spec)) {
        await child.stop();
        child.spec = spec;
      }
      child.start();
    }
  }

  async stop(names: readonly string[]): Promise<void> {
    await Promise.all(names.map(async (name) => {
      const child = this.#children.get(name);
      if (child === undefined) return;
      await child.stop();
      this.#children.delete(name);
    }));
    this.#save();
  }

  status(): unknown {
    return [...this.#children.values()].map((child) => child.status());
  }

  forget(): void {
    rmSync(`${this.#run}/supervisor.json`, { force: true });
  }
}

async function body(request: http.IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

async function handle(supervisor: Supervisor, request: http.IncomingMessage): Promise<unknown> {
  switch (`${request.method ?? ''} ${request.url ?? ''}`) {
    case 'GET /status': return supervisor.status();
    case 'PUT /components': await supervisor.ensure((await body(request)) as ComponentSpec[]); return supervisor.status();
    case 'POST /stop': await supervisor.stop((await body(request)) as string[]); return supervisor.status();
    case 'POST /exit': supervisor.forget(); return [];
    default: throw new Error(`unknown request ${request.method ?? ''} ${request.url ?? ''}`);
  }
}

/** Runs until it is told to exit. SIGTERM ends only the supervisor: components go on and are adopted later. */
export async function superviseForever(data: string): Promise<void> {
  const socket = supervisorSocket(data);
  if (await supervisorAlive(data)) throw new Error(`a supervisor runs already for ${data}`);
  mkdirSync(runFolder, { recursive: true, mode: 0o700 });
  rmSync(socket, { force: true });
  const supervisor = new Supervisor(data);
  supervisor.adopt();
  const server = http.createServer((request, response) => {
    handle(supervisor, request).then(
      (answer) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
        if (request.url === '/exit') response.on('finish', () => { rmSync(socket, { force: true }); process.exit(0); });
      },
      (error: unknown) => { response.writeHead(500).end(String(error)); },
    );
  });
  process.on('SIGTERM', () => {
    process.stderr.write(`${new Date().toISOString()} SIGTERM: the supervisor ends, what it started goes on\n`);
    process.exit(0);
  });
  process.on('SIGHUP', () => undefined);
  await new Promise<void>((resolve, reject) => { server.once('error', reject); server.listen(socket, resolve); });
}
