import { done, isNotFound, objectKey, resource, resources, splitKey, type KubeObject, type SyncResult } from '@coxswain/client';
import { rfc3339Seconds } from '@coxswain/host';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from 'kubernetes-types/certificates/v1';
import { createdMs, messageOf, nameOf } from '../common/object.ts';
import { newLoop, runLoop, runPeriodically } from '../common/run.ts';
import type { Controller, ControllerContext } from '../types.ts';
import { approvalRule, isGrantedByGroup, isOurSigner, namesBelongTo, refusal, type ApprovalRule } from './rules.ts';
import type { CertificateRequest, CertificateSigner } from './signer.ts';

type Request = CertificateSigningRequest;

function hasCondition(request: Request, type: string): boolean {
  return request.status?.conditions?.some((condition) => condition.type === type) === true;
}

function requestPem(request: Request): string {
  return atob(request.spec.request ?? '');
}

function withCondition(context: ControllerContext, request: Request, type: string, reason: string, message: string): Request {
  const now = rfc3339Seconds(context.host.clock.nowMs());
  const condition: CertificateSigningRequestCondition = { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now };
  return { ...request, status: { ...request.status, conditions: [...request.status?.conditions ?? [], condition] } };
}

const accessReviews = resource<KubeObject & { spec?: unknown; status?: { readonly allowed?: boolean } }>('authorization.k8s.io', 'v1', 'subjectaccessreviews', 'SubjectAccessReview', false);

async function mayAsk(context: ControllerContext, request: Request, subresource: string): Promise<boolean> {
  const { username, uid, groups, extra } = request.spec;
  const review = await context.client.create(accessReviews, { spec: {
    user: username, uid, groups, extra, resourceAttributes: { group: 'certificates.k8s.io', version: '*', resource: 'certificatesigningrequests', subresource, verb: 'create' },
  } });
  return review.status?.allowed === true;
}

const approverName = 'certificatesigningrequest-approving-controller';

/** Approves what a node asks for itself: its client certificate (first or renewed), and a serving one for its own addresses. */
export const approver: Controller = {
  name: approverName, account: 'certificate-controller',
  start: (context) => {
    const { signer } = context.config;
    if (signer === undefined) return undefined;
    const requests = context.informers.informer(resources.certificatesigningrequests);
    const nodes = context.informers.informer(resources.nodes);
    const loop = newLoop(context, approverName);
    requests.addHandler({ added: (request) => loop.enqueue(request), updated: (_before, request) => loop.enqueue(request) });
    // A kubelet may ask before its addresses are known.
    const waiting = new Map<string, Set<string>>();
    const nodeChanged = (node: KubeObject): void => {
      for (const key of waiting.get(nameOf(node)) ?? []) loop.queue.add(key);
      waiting.delete(nameOf(node));
    };
    nodes.addHandler({ added: nodeChanged, updated: (_before, node) => nodeChanged(node) });
    const addressesOf = (nodeName: string): readonly string[] | undefined => nodes.lister.get({ name: nodeName })?.status?.addresses?.map(({ address }) => address);
    const servingAllowed = (key: string, parsed: CertificateRequest, nodeName: string): boolean => {
      const addresses = addressesOf(nodeName);
      if (addresses !== undefined && namesBelongTo(parsed, nodeName, addresses)) return true;
      const keys = waiting.get(nodeName) ?? new Set();
      keys.add(key);
      waiting.set(nodeName, keys);
      return false;
    };
    const allowed = async (key: string, request: Request, parsed: CertificateRequest, rule: ApprovalRule): Promise<boolean> => {
      if (rule.kind === 'serving') return servingAllowed(key, parsed, rule.nodeName);
      return isGrantedByGroup(rule, request.spec.groups ?? []) || await mayAsk(context, request, rule.subresource);
    };
    return runLoop(context, approverName, loop, async (key): Promise<SyncResult> => {
      const request = requests.lister.get(splitKey(key));
      if (request === undefined || hasCondition(request, 'Approved') || hasCondition(request, 'Denied') || request.status?.certificate !== undefined) return done;
      const parsed = await signer.parse(requestPem(request)).catch((error: unknown) => messageOf(error));
      if (typeof parsed === 'string') return { kind: 'terminal', reason: parsed };
      const rule = approvalRule(request.spec, parsed);
      if (rule === undefined || !await allowed(key, request, parsed, rule)) return done;
      await context.client.update(resources.certificatesigningrequests, withCondition(context, request, 'Approved', 'AutoApproved', rule.message), { subresource: 'approval' });
      return done;
    });
  },
};

const signingName = 'certificatesigningrequest-signing-controller';
const backdateMs = 300_000;
const minLifeMs = 600_000;

export const signing: Controller = {
  name: signingName, account: 'certificate-controller',
  start: (context) => {
    const { signer } = context.config;
    if (signer === undefined) return undefined;
    const requests = context.informers.informer(resources.certificatesigningrequests);
    const loop = newLoop(context, signingName);
    requests.addHandler({ added: (request) => loop.enqueue(request), updated: (_before, request) => loop.enqueue(request) });
    return runLoop(context, signingName, loop, async (key) => {
      const request = requests.lister.get(splitKey(key));
      if (request === undefined || !isOurSigner(request.spec.signerName) || request.status?.certificate !== undefined) return done;
      if (!hasCondition(request, 'Approved') || hasCondition(request, 'Failed') || hasCondition(request, 'Denied')) return done;
      await context.client.updateStatus(resources.certificatesigningrequests, await signed(context, signer, request));
      return done;
    });
  },
};

async function signed(context: ControllerContext, signer: CertificateSigner, request: Request): Promise<Request> {
  const pem = requestPem(request);
  const parsed = await signer.parse(pem).catch((error: unknown) => messageOf(error));
  const problem = typeof parsed === 'string' ? parsed : refusal(request.spec, parsed);
  if (problem !== undefined) return withCondition(context, request, 'Failed', 'SignerValidationFailure', problem);
  const nowMs = context.host.clock.nowMs();
  const asked = request.spec.expirationSeconds;
  const lifeMs = asked === undefined ? context.config.signingDurationMs : Math.max(minLifeMs, Math.min(asked * 1000, context.config.signingDurationMs));
  const certificate = await signer.sign(pem, { usages: request.spec.usages ?? [], notBeforeMs: nowMs - backdateMs, notAfterMs: nowMs + lifeMs - backdateMs });
  return { ...request, status: { ...request.status, certificate: btoa(certificate) } };
}

const cleanerName = 'certificatesigningrequest-cleaner-controller';
const hourMs = 3_600_000;

/** How long a request is kept; upstream's numbers. */
export function keepMs(request: Request): number {
  const settled = hasCondition(request, 'Approved') || hasCondition(request, 'Denied') || hasCondition(request, 'Failed');
  return settled ? hourMs : 24 * hourMs;
}

export const cleaner: Controller = {
  name: cleanerName, account: 'certificate-controller',
  start: (context) => {
    const requests = context.informers.informer(resources.certificatesigningrequests);
    return runPeriodically(context, cleanerName, hourMs, async () => {
      for (const request of requests.lister.list()) {
        if (context.host.clock.nowMs() - createdMs(request) < keepMs(request)) continue;
        await context.client.delete(resources.certificatesigningrequests, objectKey(request)).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
      }
    });
  },
};
