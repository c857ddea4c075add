export const annotationPrefix = 'hollow.coxswain.io/';
/** Of a node: it says nothing any more while this is `true`. */
export const silentAnnotation = `${annotationPrefix}silent`;
/** Of a node: the prefix of its fleet. */
export const fleetLabel = `${annotationPrefix}fleet`;
