// Container images as desired states and ops name them: a repository and a digest, nothing that can come to mean something else.

/** `registry.example.org/team/app@sha256:…`: lower-case host with an optional port, path, SHA-256. A tag is no part of it: nobody verifies one. */
export const IMAGE_PATTERN: RegExp =
  /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?(?:\/[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?){1,8}@sha256:[0-9a-f]{64}$/;

/** What a policy lists: a repository, or with `/*` at the end everything below a path. */
export const IMAGE_REPOSITORY_PATTERN: RegExp =
  /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?(?:\/[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?){0,8}(?:\/\*)?$/;

export interface Image {
  /** Host and path. */
  readonly repository: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
}

/** Undefined for what is no image by digest. */
export function parseImage(text: string): Image | undefined {
  if (text.length > 1000 || !IMAGE_PATTERN.test(text)) return undefined;
  const at = text.indexOf("@");
  return { repository: text.slice(0, at), digest: text.slice(at + 1) };
}

/**
 * Whether a repository is one of those listed.
 *
 * @example
 * isListedRepository("reg.example/team/app", ["reg.example/team/*"]) // true; "reg.example/team" and "reg.example/team2/app" are not
 */
export function isListedRepository(repository: string, listed: readonly string[]): boolean {
  return listed.some((each) => (each.endsWith("/*") ? repository.startsWith(each.slice(0, -1)) : repository === each));
}
