import { fromUtf8, readAll, utf8, type ClientTls, type Host } from '@coxswain/host';
import type { AuditBackend, AuditFailures } from './backend.ts';
import { eventListJson } from './event.ts';

const tries = 5;
const factor = 1.5;
const jitter = 0.2;
const answerTimeoutMs = 30_000;
const maxAnswerBytes = 64 * 1024;

export interface WebhookBackendOptions {
  readonly url: string;
  readonly tls: ClientTls;
  readonly bearerToken?: string | (() => Promise<string>) | undefined;
  readonly initialBackoffMs: number;
}

async function post(host: Host, options: WebhookBackendOptions, body: Uint8Array): Promise<void> {
  const { bearerToken } = options;
  const token = typeof bearerToken === 'function' ? await bearerToken() : bearerToken;
  const late = new AbortController();
  const timer = host.timers.after(answerTimeoutMs, () => late.abort());
  try {
    const answer = await host.network.fetch({
      url: options.url, method: 'POST', tls: options.tls, signal: late.signal, body,
      headers: { 'content-type': 'application/json', accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    });
    const text = fromUtf8(await readAll(answer.body, maxAnswerBytes));
    if (answer.status < 200 || answer.status > 299) throw new Error(`the webhook answered ${answer.status}: ${text.slice(0, 200)}`);
  } finally {
    timer.cancel();
  }
}

/** POSTs EventLists; whatever goes wrong is tried again a few times. */
export function webhookBackend(host: Host, options: WebhookBackendOptions, failures: AuditFailures): AuditBackend {
  const stopping = new AbortController();
  return {
    async process(events) {
      const body = utf8(eventListJson(events));
      let delayMs = options.initialBackoffMs;
      for (let attempt = 1; ; attempt += 1) {
        try {
          await post(host, options, body);
          return true;
        } catch (error) {
          if (attempt === tries || stopping.signal.aborted) {
            failures.report('webhook', error, events.length);
            return false;
          }
          await host.timers.sleep(delayMs * (1 + jitter * host.random.float()), stopping.signal);
          delayMs *= factor;
        }
      }
    },
    stop: () => {
      stopping.abort();
      return Promise.resolve();
    },
  };
}
