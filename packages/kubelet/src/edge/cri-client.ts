import { Client, credentials, status as grpcStatus, type ClientUnaryCall, type ServiceError } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import descriptor from '../../../../proto/cri-v1.json' with { type: 'json' };
import { RuntimeError, type ContainerRuntime, type RuntimeErrorKind } from '../cri/types.ts';

type Message = Record<string, unknown>;

const kindOfCode: Readonly<Partial<Record<number, RuntimeErrorKind>>> = {
  [grpcStatus.NOT_FOUND]: 'not-found',
  [grpcStatus.DEADLINE_EXCEEDED]: 'deadline',
  [grpcStatus.UNAVAILABLE]: 'unavailable',
  [grpcStatus.ALREADY_EXISTS]: 'already-exists',
};

/** Go's spelling of the codes: `NotFound`, `DeadlineExceeded`. */
function codeName(code: number): string {
  const name = grpcStatus[code] ?? 'UNKNOWN';
  return name.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

function toRuntimeError(error: ServiceError): RuntimeError {
  return new RuntimeError(kindOfCode[error.code] ?? 'other', `rpc error: code = ${codeName(error.code)} desc = ${error.details}`);
}

/** Field names in camelCase, the style of the rest of the code. */
function camelCase(root: protobuf.NamespaceBase): void {
  for (const entry of root.nestedArray) {
    if (entry instanceof protobuf.Type) {
      for (const field of entry.fieldsArray) {
        entry.remove(field);
        field.name = field.name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
        entry.add(field);
      }
    }
    if (entry instanceof protobuf.Namespace) camelCase(entry);
  }
}

function loadRoot(): protobuf.Root {
  const root = protobuf.Root.fromJSON(descriptor as protobuf.INamespace);
  camelCase(root);
  root.resolveAll();
  return root;
}

class GrpcService {
  readonly #client: Client;
  readonly #service: protobuf.Service;
  readonly #types: (name: string) => protobuf.Type;
  readonly #pending = new Set<ClientUnaryCall>();

  constructor(client: Client, root: protobuf.Root, name: string) {
    this.#client = client;
    this.#service = root.lookupService(`runtime.v1.${name}`);
    this.#types = (type) => root.lookupType(`runtime.v1.${type}`);
  }

  call<T>(method: string, request: Message, timeoutMs: number): Promise<T> {
    const spec = this.#service.methods[method];
    if (spec === undefined) throw new RuntimeError('other', `CRI has no method ${method}`);
    const requestType = this.#types(spec.requestType);
    const responseType = this.#types(spec.responseType);
    return new Promise((resolve, reject) => {
      const pending = this.#client.makeUnaryRequest<Message, T>(
        `/runtime.v1.${this.#service.name}/${method}`,
        (value) => Buffer.from(requestType.encode(requestType.fromObject(value)).finish()),
        (bytes) => responseType.toObject(responseType.decode(bytes), { longs: Number, enums: String, defaults: true, arrays: true, objects: true }) as T,
        request,
        { deadline: Date.now() + timeoutMs },
        (error, value) => {
          this.#pending.delete(pending);
          if (error !== null) reject(toRuntimeError(error));
          else resolve(value as T);
        },
      );
      this.#pending.add(pending);
    });
  }

  cancelAll(): void {
    for (const call of this.#pending) call.cancel();
  }
}

const minuteMs = 60_000;
/** A pull has no bound of its own upstream either; this one only keeps a dead registry from holding a worker for ever. */
const pullTimeoutMs = 60 * minuteMs;

async function unlessMissing(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === 'not-found') return;
    throw error;
  }
}

export interface CriConnection {
  readonly runtime: ContainerRuntime;
  /** Calls under way are rejected. */
  close(): void;
}

type Call = <T>(method: string, request: Message, timeoutMs?: number) => Promise<T>;

function podCalls(call: Call): Pick<ContainerRuntime, 'version' | 'status' | 'updatePodCidr' | 'runPodSandbox' | 'stopPodSandbox' | 'removePodSandbox' | 'podSandboxStatus' | 'listPodSandboxes' | 'portForward'> {
  return {
    version: () => call('Version', {}),
    status: async () => (await call<{ status: { conditions: { type: string; status: boolean; reason: string; message: string }[] } }>('Status', {})).status.conditions,
    updatePodCidr: async (podCidr) => { await call('UpdateRuntimeConfig', { runtimeConfig: { networkConfig: { podCidr } } }); },
    runPodSandbox: async (config) => (await call<{ podSandboxId: string }>('RunPodSandbox', { config }, 4 * minuteMs)).podSandboxId,
    stopPodSandbox: (id) => unlessMissing(call('StopPodSandbox', { podSandboxId: id })),
    removePodSandbox: (id) => unlessMissing(call('RemovePodSandbox', { podSandboxId: id })),
    podSandboxStatus: async (id) => (await call<{ status: never }>('PodSandboxStatus', { podSandboxId: id })).status,
    listPodSandboxes: async (filter = {}) => (await call<{ items: [] }>('ListPodSandbox', { filter })).items,
    portForward: async (request) => (await call<{ url: string }>('PortForward', { ...request })).url,
  };
}

function containerCalls(call: Call): Omit<ContainerRuntime, keyof ReturnType<typeof podCalls> | keyof ReturnType<typeof imageCalls>> {
  return {
    createContainer: async (podSandboxId, config, sandboxConfig) => (await call<{ containerId: string }>('CreateContainer', { podSandboxId, config, sandboxConfig })).containerId,
    startContainer: async (id) => { await call('StartContainer', { containerId: id }); },
    stopContainer: (id, timeoutSeconds) => unlessMissing(call('StopContainer', { containerId: id, timeout: timeoutSeconds }, timeoutSeconds * 1000 + 2 * minuteMs)),
    removeContainer: (id) => unlessMissing(call('RemoveContainer', { containerId: id })),
    listContainers: async (filter = {}) => (await call<{ containers: [] }>('ListContainers', { filter })).containers,
    containerStatus: async (id) => (await call<{ status: never }>('ContainerStatus', { containerId: id })).status,
    updateContainerResources: async (id, linux) => { await call('UpdateContainerResources', { containerId: id, linux }); },
    reopenContainerLog: async (id) => { await call('ReopenContainerLog', { containerId: id }); },
    execSync: (id, command, timeoutSeconds) => call('ExecSync', { containerId: id, cmd: command, timeout: timeoutSeconds }, timeoutSeconds === 0 ? 24 * 60 * minuteMs : timeoutSeconds * 1000 + minuteMs),
    exec: async (request) => (await call<{ url: string }>('Exec', { ...request })).url,
    attach: async (request) => (await call<{ url: string }>('Attach', { ...request })).url,
    listContainerStats: async () => (await call<{ stats: [] }>('ListContainerStats', {})).stats,
  };
}

function imageCalls(call: Call): Pick<ContainerRuntime, 'listImages' | 'imageStatus' | 'pullImage' | 'removeImage'> {
  return {
    listImages: async () => (await call<{ images: [] }>('ListImages', {})).images,
    imageStatus: async (image) => {
      const answer = await call<{ image?: { id: string } | null }>('ImageStatus', { image: { image } });
      return answer.image === null || answer.image === undefined ? undefined : answer.image as never;
    },
    pullImage: async (image, auth, sandboxConfig) => (await call<{ imageRef: string }>('PullImage', { image: { image }, auth, sandboxConfig }, pullTimeoutMs)).imageRef,
    removeImage: (image) => unlessMissing(call('RemoveImage', { image: { image } })),
  };
}

/** `endpoint`: `unix:///run/containerd/containerd.sock`. Connects on the first call, and again whenever the runtime comes back. */
export function connectRuntime(endpoint: string, options: { readonly requestTimeoutMs?: number } = {}): CriConnection {
  const root = loadRoot();
  const client = new Client(endpoint.startsWith('/') ? `unix://${endpoint}` : endpoint, credentials.createInsecure(), {
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
    'grpc.max_reconnect_backoff_ms': 3000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.enable_http_proxy': 0,
  });
  const requestTimeoutMs = options.requestTimeoutMs ?? 2 * minuteMs;
  const services: GrpcService[] = [];
  const callOf = (name: string): Call => {
    const service = new GrpcService(client, root, name);
    services.push(service);
    return (method, request, timeoutMs = requestTimeoutMs) => service.call(method, request, timeoutMs);
  };
  const runtime = callOf('RuntimeService');
  return {
    runtime: { ...podCalls(runtime), ...containerCalls(runtime), ...imageCalls(callOf('ImageService')) },
    close: () => {
      for (const service of services) service.cancelAll();
      client.close();
    },
  };
}
