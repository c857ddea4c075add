import { stringifyObject, type JsonObject } from '@coxswain/api';
import { isObject, text } from '../registry/object.ts';

/** Upstream makes this annotation when it writes a whole DaemonSet; in metadata alone it is not seen. */
const wholeObjectOnly = 'deprecated.daemonset.template.generation';

function shownMetadata(object: JsonObject): JsonObject {
  const metadata = isObject(object['metadata']) ? object['metadata'] : {};
  const { annotations } = metadata;
  if (!isObject(annotations) || !Object.hasOwn(annotations, wholeObjectOnly)) return metadata;
  const { [wholeObjectOnly]: _hidden, ...rest } = annotations;
  const { annotations: _all, ...others } = metadata;
  return Object.keys(rest).length === 0 ? others : { ...metadata, annotations: rest };
}

export function partialMetadata(object: JsonObject, version: string): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: shownMetadata(object) };
}

export function partialMetadataList(listMeta: JsonObject, objects: readonly JsonObject[], version: string): JsonObject {
  return { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${version}`, metadata: listMeta, items: objects.length === 0 ? null : objects.map((object) => partialMetadata(object, version)) };
}

/** Of either of them: the messages are the same in both versions, and written in the order of their fields. */
export function metadataText(object: JsonObject): string {
  return stringifyObject(`io.k8s.apimachinery.pkg.apis.meta.v1.${text(object, 'kind')}`, object);
}
