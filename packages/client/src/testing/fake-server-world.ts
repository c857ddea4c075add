import type { Host } from '@coxswain/host';
import { Simulation, type SimulatedProcess } from '@coxswain/host/sim';
import { createClient } from '../create-client.ts';
import type { Client } from '../types.ts';
import { FakeApiServer } from './fake-api-server.ts';

export interface FakeServerWorld {
  readonly sim: Simulation;
  readonly server: FakeApiServer;
  readonly serverHost: Host;
  /** A program beside it, on a machine of the same name. */
  readonly beside: (name: string) => { readonly process: SimulatedProcess; readonly host: Host; readonly client: Client };
}

/** A fake API server on the machine `server` of a simulation of its own. */
export async function fakeServerWorld(seed = 1): Promise<FakeServerWorld> {
  const sim = new Simulation({ seed });
  const serverHost = sim.start('server', 'apiserver').host;
  const server = new FakeApiServer(serverHost);
  await sim.runUntil(serverHost.network.serveHttp({ address: '0.0.0.0', port: 80 }, server.handler), 100, 'listen');
  return {
    sim, server, serverHost, beside: (name) => {
      const process = sim.start(name, name);
      const { host } = process;
      return { process, host, client: createClient(host, { server: 'http://server:80', userAgent: 'test' }) };
    },
  };
}
