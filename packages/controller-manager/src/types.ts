import type { Client, EventRecorder, InformerFactory, WorkQueueMeter } from '@coxswain/client';
import type { Host } from '@coxswain/host';
import type { ControllerManagerConfig } from './config.ts';

export interface ControllerContext {
  readonly host: Host;
  /** Writes are made as this controller (its own service account, if so configured). */
  readonly client: Client;
  /** Shared by all controllers, read with the manager's own credentials. */
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  readonly config: ControllerManagerConfig;
  /** By the name that metrics give a queue. Absent: nobody counts. */
  readonly queueMeter?: ((name: string) => WorkQueueMeter) | undefined;
}

/** Runs until the signal aborts. Called when every informer that was asked for has synced. */
export type Run = (signal: AbortSignal) => Promise<void>;

/** One control loop. `start` asks for its informers and adds its handlers; it must not write. */
export interface Controller {
  /** As in --controllers: `replicaset-controller`. */
  readonly name: string;
  /** Off unless named in --controllers. */
  readonly onlyIfNamed?: boolean;
  /** Runs only with this feature on. */
  readonly feature?: 'DynamicResourceAllocation';
  /** Service account of --use-service-account-credentials; event source too, unless that has another name. */
  readonly account: string;
  readonly eventSource?: string;
  /** Undefined: not configured (a file that it needs was not given), which is logged. */
  start(context: ControllerContext): Run | undefined;
}
