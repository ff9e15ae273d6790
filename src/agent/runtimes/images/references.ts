/** Names of images. Docker writes them short (`llama:1`), registries long (`docker.io/library/llama:1`). */

/** As the engine lists it: without Docker's own registry, with a tag. Pure. */
export function familiar(reference: string): string {
  if (isImageId(reference)) return reference;
  const short = reference.replace(/^(index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
  const name = short.slice(short.lastIndexOf('/') + 1);
  return /[:@]/.test(name) ? short : `${short}:latest`;
}

/** `sha256:<hex>`, or as much of the hex as people copy. Pure. */
export function isImageId(reference: string): boolean {
  return /^sha256:[0-9a-f]{12,64}$/.test(reference);
}

/** Without tag and digest. Pure. */
export function repositoryOf(reference: string): string {
  const name = familiar(reference).replace(/@.*$/, '');
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

/** Whether a reference means this image: by tag, by the digest a registry gave, or by id. Pure. */
export function names(
  reference: string,
  image: {
    readonly id: string;
    readonly references: readonly string[];
    readonly digests: readonly string[];
  },
): boolean {
  const wanted = familiar(reference);
  if (isImageId(wanted)) return image.id.startsWith(wanted);
  const at = wanted.indexOf('@');
  if (at === -1) return image.references.some((one) => familiar(one) === wanted);
  const digest = wanted.slice(at + 1);
  const repository = repositoryOf(wanted);
  return image.digests.some((one) => one.endsWith(`@${digest}`) && repositoryOf(one) === repository);
}
