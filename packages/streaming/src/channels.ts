import { concatBytes, fromUtf8, utf8 } from '@coxswain/host';
import type { WebSocketMessage } from './web-socket.ts';

export type Channel = 'stdin' | 'stdout' | 'stderr' | 'error' | 'resize';
const order: readonly Channel[] = ['stdin', 'stdout', 'stderr', 'error', 'resize'];
const closeSignal = 255;

/** WebSocket subprotocols of exec and attach, best first. */
export const execProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io'] as const;
export type ExecProtocol = (typeof execProtocols)[number];

export type ChannelMessage =
  | { readonly kind: 'data'; readonly channel: Channel; readonly data: Uint8Array }
  /** v5 only: that channel's half-close. */
  | { readonly kind: 'close'; readonly channel: Channel };

function isBase64(protocol: ExecProtocol): boolean {
  return protocol.includes('base64');
}

/** The first version tells a failure in words and a success by nothing; from the fourth on it is a Status. */
export function hasStatus(protocol: ExecProtocol): boolean {
  return protocol.startsWith('v');
}

export function encodeChannel(protocol: ExecProtocol, channel: Channel, data: Uint8Array): WebSocketMessage {
  const number = order.indexOf(channel);
  if (!isBase64(protocol)) return { type: 'binary', data: concatBytes([new Uint8Array([number]), data]) };
  let text = '';
  for (const byte of data) text += String.fromCharCode(byte);
  return { type: 'text', data: utf8(`${number}${btoa(text)}`) };
}

/** Undefined for what is not of this protocol, which is dropped as upstream drops it. */
export function decodeChannel(protocol: ExecProtocol, message: WebSocketMessage): ChannelMessage | undefined {
  const first = message.data[0];
  if (first === undefined) return undefined;
  if (isBase64(protocol)) return decodeBase64(first - 48, message.data);
  const rest = message.data.subarray(1);
  if (first === closeSignal && protocol === 'v5.channel.k8s.io') {
    const closed = order[rest[0] ?? -1];
    return closed === undefined ? undefined : { kind: 'close', channel: closed };
  }
  const channel = order[first];
  return channel === undefined ? undefined : { kind: 'data', channel, data: rest };
}

function decodeBase64(number: number, data: Uint8Array): ChannelMessage | undefined {
  const channel = order[number];
  if (channel === undefined) return undefined;
  try {
    return { kind: 'data', channel, data: Uint8Array.from(atob(fromUtf8(data.subarray(1))), (character) => character.charCodeAt(0)) };
  } catch {
    return undefined;
  }
}
