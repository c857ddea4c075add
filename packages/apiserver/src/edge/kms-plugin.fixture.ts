import { Server, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import { concatBytes, fromUtf8, utf8 } from '@coxswain/host';
import { bytesField, mapField, readFields, textField, type WireFields } from '../encryption/wire.ts';

export interface KmsPlugin {
  keyId: string;
  healthz: string;
  readonly calls: string[];
  stop(): Promise<void>;
}

/** A plugin on a unix socket whose wrapped keys are the keys in hexadecimal behind the key's id. */
export async function startKmsPlugin(path: string, keyId: string): Promise<KmsPlugin> {
  const server = new Server();
  const plugin: KmsPlugin = {
    keyId, healthz: 'ok', calls: [],
    stop: () => new Promise((resolve) => { server.tryShutdown(() => resolve()); }),
  };
  const methods: Readonly<Record<string, (request: WireFields) => Uint8Array>> = {
    Status: () => concatBytes([textField(1, 'v2'), textField(2, plugin.healthz), textField(3, plugin.keyId)]),
    Encrypt: (request) => concatBytes([
      bytesField(1, utf8(`${plugin.keyId}/${Buffer.from(request.bytes(1)).toString('hex')}`)), textField(2, plugin.keyId), mapField(3, new Map([['plugin.example.com', utf8('note')]])),
    ]),
    Decrypt: (request) => {
      const [id = '', hex = ''] = fromUtf8(request.bytes(1)).split('/');
      if (id !== request.text(3) || fromUtf8(request.map(4).get('plugin.example.com') ?? new Uint8Array(0)) !== 'note') throw new Error('another key');
      return bytesField(1, Buffer.from(hex, 'hex'));
    },
  };
  // Version 1 knows no ids of keys.
  const former: Readonly<Record<string, (request: WireFields) => Uint8Array>> = {
    Version: () => concatBytes([textField(1, 'v1beta1'), textField(2, 'fixture'), textField(3, '1')]),
    Encrypt: (request) => bytesField(1, utf8(`v1/${Buffer.from(request.bytes(2)).toString('hex')}`)),
    Decrypt: (request) => {
      const [version, hex = ''] = fromUtf8(request.bytes(2)).split('/');
      if (version !== 'v1') throw new Error('another key');
      return bytesField(1, Buffer.from(hex, 'hex'));
    },
  };
  const serve = (version: string, served: Readonly<Record<string, (request: WireFields) => Uint8Array>>, name: string): handleUnaryCall<WireFields, Uint8Array> => (call, callback) => {
    plugin.calls.push(version === 'v2' ? name : `${version}.${name}`);
    try {
      callback(null, served[name]?.(call.request) ?? new Uint8Array(0));
    } catch (error) {
      callback({ code: 3, details: (error as Error).message });
    }
  };
  for (const [version, all] of Object.entries({ v2: methods, v1beta1: former })) {
    server.addService(Object.fromEntries(Object.keys(all).map((name) => [name, {
      path: `/${version}.KeyManagementService/${name}`, requestStream: false, responseStream: false, requestSerialize: (value: Uint8Array) => Buffer.from(value), requestDeserialize: readFields,
      responseSerialize: (value: Uint8Array) => Buffer.from(value), responseDeserialize: readFields,
    }])), Object.fromEntries(Object.keys(all).map((name) => [name, serve(version, all, name)])));
  }
  await new Promise<void>((resolve, reject) => { server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => { if (error === null) resolve(); else reject(error); }); });
  return plugin;
}
