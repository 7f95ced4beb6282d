// What an automation may change in the desired state with fewer people than a change needs otherwise: images, by digest (ADR-030).
//
// 1. Two versions differ in digests and in nothing else, in any file: what people read around them stays what they read.
// 2. Each digest that differs belongs to a setting of a component that one rule of the policy names, in a repository that it lists.
import { type Did, isListedRepository, parseImage, TriplaneError } from "@triplane/contract";
import { readNickel } from "@triplane/nickel";
import { matchesAny } from "./glob.ts";
import { filesImporter } from "./load.ts";
import type { ImageUpdateRule, Policy } from "./schema.ts";
import { signerOf } from "./signers.ts";
import type { PolicyFiles } from "./types.ts";

const ENTRY = "desired.ncl";
const DIGEST = /@sha256:[0-9a-f]{64}/g;

export interface ImageChange {
  readonly target: string;
  readonly setting: string;
  /** `repository@sha256:…`, both. */
  readonly from: string;
  readonly to: string;
}

/** `why` says for people what stands in the way. */
export type ImageUpdate =
  | { readonly within: true; readonly rule: ImageUpdateRule; readonly principal: string; readonly changes: readonly ImageChange[] }
  | { readonly within: false; readonly why: string };

/** Judges one step of the desired state that a key made. Pure; throws nothing, whatever the files are. */
export function judgeImageUpdate(policy: Policy, key: Did, before: PolicyFiles, after: PolicyFiles): ImageUpdate {
  const signer = signerOf(policy, key);
  if (signer?.role !== "automation") return no(`${key} is no automation of the policy`);
  const rules = policy.image_updates.filter(({ automations }) => automations.includes(signer.principal));
  if (rules.length === 0) return no(`no rule of image_updates names ${signer.principal}`);
  try {
    const texts = digestsThatDiffer(before, after);
    if (texts === undefined) return no("it changes something else than digests of images");
    const changes = imageChanges(before, after);
    if (changes === undefined) return no("it changes something else than images in settings of components");
    if (changes.length === 0 || texts > changes.length) return no("digests differ that are no component's image");
    const rule = rules.find((each) => changes.every((change) => covers(each, change)));
    if (rule === undefined) return no(whyNot(rules, changes));
    return { within: true, rule, principal: signer.principal, changes };
  } catch (thrown) {
    if (!(thrown instanceof TriplaneError)) throw thrown;
    return no(thrown.message);
  }
}

/** The images that a desired state names, by component and setting: `web image` → `registry/app@sha256:…`. Empty where it does not read. */
export function imagesIn(files: PolicyFiles): ReadonlyMap<string, string> {
  const images = new Map<string, string>();
  try {
    for (const { name, settings } of componentsOf(read(files)))
      for (const [setting, value] of Object.entries(settings))
        if (typeof value === "string" && parseImage(value) !== undefined) images.set(`${name} ${setting}`, value);
  } catch (thrown) {
    if (!(thrown instanceof TriplaneError)) throw thrown;
  }
  return images;
}

/**
 * The files with another image for one component. Throws `args_invalid` where the component has no such image now, or the text does not
 * have it as one literal.
 */
export function withImage(files: PolicyFiles, target: string, setting: string, image: string): PolicyFiles {
  const from = imagesIn(files).get(`${target} ${setting}`);
  if (from === undefined)
    throw new TriplaneError("args_invalid", `the desired state has no component ${target} with an image in settings.${setting}`);
  const [wanted, present] = [parseImage(image), parseImage(from)];
  if (wanted === undefined) throw new TriplaneError("args_invalid", `${JSON.stringify(image.slice(0, 200))} is no image by digest`);
  if (wanted.repository !== present?.repository)
    throw new TriplaneError(
      "args_invalid",
      `${target} has an image of ${present?.repository}; another repository is for people to propose`,
    );
  for (const [path, content] of files) {
    if (typeof content !== "string") continue;
    for (let at = content.indexOf(from); at !== -1; at = content.indexOf(from, at + 1)) {
      const changed = new Map(files).set(path, `${content.slice(0, at)}${image}${content.slice(at + from.length)}`);
      const [only, ...others] = imageChanges(files, changed) ?? [];
      if (only?.target === target && only.setting === setting && others.length === 0) return changed;
    }
  }
  throw new TriplaneError("args_invalid", `the image of ${target} does not stand in the files as one text: change it by hand`);
}

/** How many digests differ between the texts; undefined where anything else does. */
function digestsThatDiffer(before: PolicyFiles, after: PolicyFiles): number | undefined {
  if (before.size !== after.size) return undefined;
  let differing = 0;
  for (const [path, was] of before) {
    const is = after.get(path);
    if (typeof was !== "string" || typeof is !== "string") return undefined;
    if (was.replace(DIGEST, "@") !== is.replace(DIGEST, "@")) return undefined;
    const [old, now] = [was.match(DIGEST) ?? [], is.match(DIGEST) ?? []];
    differing += old.filter((digest, at) => digest !== now[at]).length;
  }
  return differing;
}

/** Images that differ; undefined where anything else does. */
function imageChanges(before: PolicyFiles, after: PolicyFiles): readonly ImageChange[] | undefined {
  const [was, is] = [read(before), read(after)];
  const [had, has] = [imagesIn(before), imagesIn(after)];
  if (had.size !== has.size || JSON.stringify(withoutDigests(was)) !== JSON.stringify(withoutDigests(is))) return undefined;
  const changes: ImageChange[] = [];
  for (const [place, from] of had) {
    const to = has.get(place);
    const [target = "", setting = ""] = place.split(" ");
    if (to === undefined) return undefined;
    if (to !== from) changes.push({ target, setting, from, to });
  }
  return changes;
}

/** What stays where images are only counted by their place. */
function withoutDigests(document: unknown): unknown {
  return JSON.parse(JSON.stringify(document), (_key, value: unknown) =>
    typeof value === "string" && parseImage(value) !== undefined ? value.replace(DIGEST, "@") : value,
  );
}

function read(files: PolicyFiles): unknown {
  const importer = filesImporter(files);
  return readNickel(importer(ENTRY) ?? "", { file: ENTRY, importer }).json;
}

interface Component {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

function componentsOf(document: unknown): readonly Component[] {
  const components = isRecord(document) ? document["components"] : undefined;
  if (!Array.isArray(components)) return [];
  return components.flatMap((each: unknown) => {
    if (!isRecord(each) || typeof each["name"] !== "string") return [];
    return [{ name: each["name"], settings: isRecord(each["settings"]) ? each["settings"] : {} }];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function covers(rule: ImageUpdateRule, { target, setting, to }: ImageChange): boolean {
  const image = parseImage(to);
  return (
    image !== undefined &&
    matchesAny(rule.targets, target) &&
    rule.settings.includes(setting) &&
    isListedRepository(image.repository, rule.images)
  );
}

function whyNot(rules: readonly ImageUpdateRule[], changes: readonly ImageChange[]): string {
  const outside = changes.find((change) => !rules.some((rule) => covers(rule, change)));
  const names = rules.map(({ id }) => id).join(", ");
  if (outside === undefined) return `no rule covers all of its images together (${names})`;
  return `${outside.target} settings.${outside.setting} = ${outside.to} is not among what ${names} lists`;
}

function no(why: string): ImageUpdate {
  return { within: false, why };
}
