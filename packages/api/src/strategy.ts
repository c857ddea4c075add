import type { Steps } from './apply/steps.ts';
import type { FieldError } from './field-error.ts';
import type { JsonObject } from './resource.ts';
import type { MetadataPass, RequiredName } from './validation/metadata.ts';
import type { VerifySignature } from './validation/x509/signing-request.ts';

export interface StrategyContext {
  /** RFC 3339, whole seconds. */
  readonly now: string;
  /** The API group that was asked, where a kind is served in two. */
  readonly requestGroup?: string;
  /** '' for the main resource. */
  readonly subresource: string;
  readonly userName: string;
  readonly userGroups: readonly string[];
  readonly userUid?: string;
  readonly userExtra?: Readonly<Record<string, readonly string[]>>;
  /** 24 to 5 lower-case characters for generated names, secrets and tokens. */
  randomSuffix(length: number): string;
  /** Features that are on though they are off by default. */
  readonly features?: ReadonlySet<string> | undefined;
  /** Of an update: the spec is the old one, and that was found valid by these rules. */
  readonly specIsValid?: boolean;
  /** Of the host. Absent: signatures are not looked at. */
  readonly verifySignature?: VerifySignature;
  /** Said to the client whether the write is refused or not. */
  readonly warn?: (text: string) => void;
}

/**
 * What is special to one kind, and nothing else: what a writer may not set, what resets, what counts as a new generation.
 * Objects are decoded, defaulted, and may be changed in place by the prepare functions.
 */
export interface Strategy {
  /** After name, uid and creationTimestamp are filled: drop status, set the first generation, … */
  prepareForCreate?(object: JsonObject, context: StrategyContext): void;
  /** Keep what this (sub)resource may not change, from `old`, whose generation `object` has; raise it if the spec changed. `old` is not changed. */
  prepareForUpdate?(object: JsonObject, old: JsonObject, context: StrategyContext): void;
  /** Semantic validation; metadata is validated by the machinery. */
  validate?(object: JsonObject, context: StrategyContext): FieldError[];
  validateUpdate?(object: JsonObject, old: JsonObject, context: StrategyContext): FieldError[];
  /** The same, of kinds that take long about large objects. */
  validateInSteps?(object: JsonObject, context: StrategyContext): Steps<FieldError[]>;
  validateUpdateInSteps?(object: JsonObject, old: JsonObject, context: StrategyContext): Steps<FieldError[]>;
  /** Of a new object: what is wrong with its metadata is told only if nothing else is wrong. */
  readonly metadataLast?: boolean;
  /** How upstream looks at the metadata of an updated object; default: once, by the rules of a change. */
  readonly metadataPasses?: (subresource: string) => readonly MetadataPass[];
  /** The only name that this object may have. */
  readonly requiredName?: (object: JsonObject) => RequiredName;
  /** The kind's finalizers may have any qualified name. */
  readonly freeFinalizers?: boolean;
  /** Text of Warning headers. */
  warnings?(object: JsonObject, old: JsonObject | undefined): string[];
  /** PUT to a name that does not exist creates it (Lease, Endpoints, … as upstream). Default false. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion is allowed. Default true. */
  readonly allowUnconditionalUpdate?: boolean;
  /** Grace period in seconds for a delete, if the kind is deleted gracefully (pods); undefined: at once. */
  gracePeriodSeconds?(object: JsonObject, asked: number | undefined): number | undefined;
  /** Kinds whose first DELETE marks the object in a way of its own, whatever it asks for. Changes it in place. */
  markDeleted?(object: JsonObject, nowMs: number): void;
  /** metadata.name rule of this kind. Default: DNS-1123 subdomain. */
  readonly nameRule?: 'dns1123-subdomain' | 'dns1123-label' | 'dns1035-label' | 'path-segment';
}
