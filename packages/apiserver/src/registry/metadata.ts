import { badRequest, conflict, type GroupResource, type Json, type JsonObject } from '@coxswain/api';
import { rfc3339Seconds, type Host } from '@coxswain/host';
import { isObject, meta, strings, text } from './object.ts';

const maxGeneratedBase = 58;
/** Without vowels and look-alikes, as upstream generates names. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

export function randomSuffix(host: Host, length: number): string {
  let suffix = '';
  for (let at = 0; at < length; at += 1) suffix += alphabet[Math.floor(host.random.float() * alphabet.length)] as string;
  return suffix;
}

/** Sets metadata.namespace from the request, or refuses another one. */
export function matchNamespace(object: JsonObject, namespace: string, namespaced: boolean): void {
  const metadata = meta(object);
  const given = text(metadata, 'namespace');
  if (!namespaced) {
    // What upstream does for cluster-scoped kinds: the namespace is dropped, whatever it says.
    if (given !== '') delete metadata['namespace'];
    return;
  }
  if (given === '') {
    if (namespace !== '') metadata['namespace'] = namespace;
  } else if (given !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

/** True if the name was made here (and may be made again after a clash). */
export function generateName(object: JsonObject, host: Host): boolean {
  const metadata = meta(object);
  const base = text(metadata, 'generateName');
  if (base === '' || text(metadata, 'name') !== '') return false;
  metadata['name'] = base.slice(0, maxGeneratedBase) + randomSuffix(host, 5);
  return true;
}

/** What a creator cannot decide is as if it had not been said, to admission too. */
export function wipeSystemFields(object: JsonObject): void {
  const metadata = meta(object);
  for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'uid']) delete metadata[key];
  metadata['creationTimestamp'] = null;
}

export function fillSystemFields(object: JsonObject, host: Host): void {
  wipeSystemFields(object);
  const metadata = meta(object);
  metadata['creationTimestamp'] = rfc3339Seconds(host.clock.nowMs());
  metadata['uid'] = host.random.uuid();
}

/** Equal owners are named once. Upstream looks for them where it has read a whole object, and once more `afterAdmission`. */
export function dropDuplicateOwners(object: JsonObject, warn: (text: string) => void, afterAdmission: boolean): void {
  const metadata = meta(object);
  const owners = metadata['ownerReferences'];
  if (!Array.isArray(owners) || owners.length < 2) return;
  const kept = new Map<string, Json>();
  const dropped: string[] = [];
  for (const owner of owners) {
    const key = JSON.stringify(owner);
    if (kept.has(key)) dropped.push(isObject(owner) ? text(owner, 'uid') : '');
    else kept.set(key, owner);
  }
  if (dropped.length === 0) return;
  const where = afterAdmission ? ' after mutating admission happens' : '';
  warn(`.metadata.ownerReferences contains duplicate entries${where}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${dropped.join(', ')}`);
  metadata['ownerReferences'] = [...kept.values()];
}

/** What a writer leaves out stays; what the server owns cannot be changed by leaving it out. */
export function keepSystemFields(object: JsonObject, old: JsonObject): void {
  const metadata = meta(object);
  const before = meta(old);
  delete metadata['selfLink'];
  if (text(metadata, 'uid') === '') copyField(metadata, before, 'uid');
  if (text(before, 'creationTimestamp') !== '') copyField(metadata, before, 'creationTimestamp');
  if (before['deletionTimestamp'] !== undefined) copyField(metadata, before, 'deletionTimestamp');
  if (metadata['deletionGracePeriodSeconds'] === undefined) copyField(metadata, before, 'deletionGracePeriodSeconds');
  if (metadata['generateName'] === undefined) delete metadata['generateName'];
}

function copyField(into: JsonObject, from: JsonObject, key: string): void {
  const value = from[key];
  if (value === undefined) delete into[key];
  else into[key] = value;
}

export const lockMessage = 'the object has been modified; please apply your changes to the latest version and try again';

/** A resourceVersion that the writer names must be the stored one. */
export function checkResourceVersion(object: JsonObject, storedVersion: string, what: GroupResource, name: string): void {
  const given = text(meta(object), 'resourceVersion');
  if (given === '' || given === '0' || given === storedVersion) return;
  if (!/^\d+$/.test(given)) throw badRequest(`invalid resource version ${JSON.stringify(given)}: strconv.ParseUint: parsing ${JSON.stringify(given)}: invalid syntax`);
  throw conflict(what, name, lockMessage);
}

/** A uid that the writer names must be that of the stored object; '' where there is none. The words are those of upstream's storage. */
export function checkUid(object: JsonObject, storedUid: string, key: string, what: GroupResource, name: string): void {
  const given = text(meta(object), 'uid');
  if (given === '' || given === storedUid) return;
  const failed = `Precondition failed: UID in precondition: ${given}, UID in object meta: ${storedUid}`;
  throw conflict(what, name, `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${failed}`);
}

export function isDeleting(object: JsonObject): boolean {
  return meta(object)['deletionTimestamp'] !== undefined;
}

export function finalizersOf(object: JsonObject): string[] {
  return strings(meta(object), 'finalizers');
}
