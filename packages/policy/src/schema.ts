// The schema of a resolved keeper policy. It exists once, here; the Nickel contract PolicyDef is generated from it.
import {
  commitField,
  didField,
  IMAGE_REPOSITORY_PATTERN,
  jtiField,
  MAX_APPROVALS,
  MAX_CLOCK_SKEW_S,
  PRINCIPAL_PATTERN,
  ridField,
  scopeField,
} from "@triplane/contract";
import { z } from "zod";

/** Makes every level of a value readonly. */
type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

const MAX_LIST = 1000;
const MAX_COUNTED = 1000;
const MAX_WINDOW_S = 31 * 24 * 3600;

const nameField = z.string().regex(PRINCIPAL_PATTERN, "must be 1 to 32 lower-case letters, digits and inner hyphens");
const groupField = nameField;
const ruleIdField = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/, "must be 1 to 48 lower-case letters, digits and inner hyphens");
/** `*` stands for any run of characters; everything else for itself. */
const kindGlobField = z.string().regex(/^[a-z0-9.*-]{1,64}$/, "must be a kind like component.deploy, where * stands for anything");
const targetGlobField = z.string().regex(/^[a-z0-9*-]{1,64}$/, "must be a target's name, where * stands for anything");
/** A principal, everybody in a group, or everybody of one sort. */
const issuerField = z
  .string()
  .regex(
    /^(?:(?:group:)?[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?|any:(?:operator|automation|agent))$/,
    "must be a principal, group:<name>, any:operator, any:automation or any:agent",
  );
const clockTimeField = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/, "must be a time like 09:30");
const instantField = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/, "must be a time like 2027-01-31T00:00:00Z");
const dateField = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9])?$/, "must be a date like 2026-12-24, or 2026-12-24T17:00");
const zoneField = z.string().regex(/^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/, "must be an IANA time zone like Europe/Madrid");
const textField = z.string().min(1).max(500);

/** Its check is code, so the pattern for other readers of the schema is given beside it. */
const keyField = didField.meta({ pattern: "^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$" });
const didList = z.array(keyField).min(1).max(16);
const names = z.array(nameField).max(MAX_LIST);

export const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** Hours on some days in a zone. Where `to` is not after `from`, the window ends on the next day. */
const windowSchema = z.strictObject({
  days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
  from: clockTimeField,
  to: clockTimeField,
  zone: zoneField,
});

/** A stretch of the calendar on the clock of a zone. `until` without a time is that whole day. */
const dateRangeSchema = z.strictObject({ from: dateField, until: dateField, zone: zoneField });

/** At most `max` within the last `window_s` seconds. Keepers count up to 1000 ops of a principal; what they could not count is not offered. */
const rateSchema = z.strictObject({ max: z.int().min(1).max(MAX_COUNTED), window_s: z.int().min(1).max(MAX_WINDOW_S) });

const matcher = {
  id: ruleIdField,
  kinds: z.array(kindGlobField).min(1).max(MAX_LIST),
  targets: z.array(targetGlobField).min(1).max(MAX_LIST),
  issuers: z.array(issuerField).min(1).max(MAX_LIST).optional(),
};

/** So many people out of these groups. */
const quorumSchema = z.strictObject({ approvals: z.int().min(1).max(MAX_APPROVALS), groups: z.array(groupField).min(1).max(50) });

/** One quorum may be written without a list. Nobody takes two seats of one rule. */
const reviewSchema = z
  .strictObject({
    ...matcher,
    approvals: quorumSchema.shape.approvals.optional(),
    groups: quorumSchema.shape.groups.optional(),
    quorums: z.array(quorumSchema).min(1).max(MAX_APPROVALS).optional(),
    /** Seconds for which people are asked, from when they could first see the op. Without it the op's own expiry ends the review. */
    open_s: z.int().min(1).max(MAX_WINDOW_S).optional(),
  })
  .refine(({ approvals, groups, quorums }) => {
    const isShort = approvals !== undefined && groups !== undefined;
    return quorums === undefined ? isShort : approvals === undefined && groups === undefined;
  }, "must say either approvals and groups, or quorums");

/** Runs after `wait_s` seconds, from when people could first see the op, unless somebody of the groups objects; `approvals` of them shorten the wait. */
const unopposedSchema = z.strictObject({
  ...matcher,
  wait_s: z.int().min(1).max(MAX_WINDOW_S),
  groups: quorumSchema.shape.groups,
  approvals: quorumSchema.shape.approvals.optional(),
});

/** Runs at once, by one person's sealed key, without a keeper. Not ratified within `ratify_within_s` seconds, it freezes that person. */
const breakGlassSchema = z.strictObject({ ...matcher, ratify_within_s: z.int().min(60).max(MAX_WINDOW_S) });

const windows = z.array(windowSchema).min(1).max(50).optional();
const dates = z.array(dateRangeSchema).min(1).max(50).optional();
const pinSchema = z.strictObject({ rid: ridField, root: commitField });

export const policySchema = z.strictObject({
  /** Version of this schema. */
  version: z.literal(1),
  workspace: z.string().regex(PRINCIPAL_PATTERN, "must be a workspace's name"),
  /** Grows with every change; the keeper refuses a policy with a lower one than it has seen. */
  policy_version: z.int().min(1),
  limits: z.strictObject({
    max_lifetime_s: z.int().min(1).max(MAX_WINDOW_S),
    clock_skew_s: z.int().min(0).max(MAX_CLOCK_SKEW_S),
    /** Longest lifetime of an approval, from when it was given; without it, that of an op. */
    max_approval_s: z.int().min(1).max(MAX_WINDOW_S).optional(),
    /** Fewest approvals that any review rule may ask for. */
    quorum: z.int().min(1).max(MAX_APPROVALS).optional(),
    /** Seconds for which a keeper that cannot reach the source of its policy goes on under it; then it admits nothing. */
    max_policy_age_s: z.int().min(10).max(MAX_WINDOW_S).optional(),
  }),
  operators: z
    .array(
      z.strictObject({
        principal: nameField,
        keys: didList,
        groups: z.array(groupField).max(50),
        scopes: names,
        may: z.array(z.enum(["Approve", "Admit"])).max(2),
        /** Kept sealed: they sign ops that a break_glass rule lets through without a keeper, and nothing else. */
        break_glass_keys: didList.optional(),
      }),
    )
    .min(1)
    .max(MAX_LIST),
  automations: z
    .array(z.strictObject({ principal: nameField, keys: didList, scopes: names }))
    .max(MAX_LIST)
    .default([]),
  agents: z
    .array(
      z.strictObject({
        principal: nameField,
        keys: didList,
        /** The operator who answers for the agent; counts as the agent itself where approvals are counted. */
        owner: nameField,
        scopes: names,
        /** From then on the agent's ops are refused, those that wait for people too. */
        expires: instantField.optional(),
        /** At most `ops` ops admitted within the last `window_s` seconds. */
        budget: z.strictObject({ ops: z.int().min(1).max(MAX_COUNTED), window_s: z.int().min(1).max(MAX_WINDOW_S) }),
      }),
    )
    .max(MAX_LIST)
    .default([]),
  keepers: z
    .array(z.strictObject({ name: nameField, keys: didList }))
    .max(50)
    .default([]),
  scopes: z
    .array(z.strictObject({ name: scopeField, kinds: matcher.kinds, targets: matcher.targets }))
    .min(1)
    .max(MAX_LIST),
  deny: z
    .array(z.strictObject({ ...matcher, windows, dates, why: textField }))
    .max(MAX_LIST)
    .default([]),
  review: z.array(reviewSchema).max(MAX_LIST).default([]),
  unopposed: z.array(unopposedSchema).max(MAX_LIST).default([]),
  break_glass: z.array(breakGlassSchema).max(MAX_LIST).default([]),
  /** Ops that broke the glass and that those who approved this policy stand by: their jti. */
  ratified: z.array(jtiField).max(MAX_LIST).default([]),
  auto_sign: z
    .array(z.strictObject({ ...matcher, windows, rate: rateSchema.optional() }))
    .max(MAX_LIST)
    .default([]),
  /** What automations may change in the desired state, with fewer people than it needs otherwise: images of components, by digest. */
  image_updates: z
    .array(
      z.strictObject({
        id: ruleIdField,
        /** Principals of `automations`. */
        automations: z.array(nameField).min(1).max(50),
        /** Components of the desired state, by name. */
        targets: matcher.targets,
        /** Names of the settings that hold an image. */
        settings: z
          .array(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "must be a setting's name"))
          .min(1)
          .max(50),
        /** Repositories that images may come from; `/*` at the end stands for everything below. */
        images: z
          .array(z.string().regex(IMAGE_REPOSITORY_PATTERN, "must be a repository like registry.example.org/team/app, or end with /*"))
          .min(1)
          .max(MAX_LIST),
        /** People who have to approve an update; none are needed with 0. */
        approvals: z.int().min(0).max(MAX_APPROVALS),
        /** Updates in a row on top of what people approved in full; the next one needs everybody again. */
        max_ahead: z.int().min(1).max(100),
      }),
    )
    .max(MAX_LIST)
    .default([]),
  pins: z.strictObject({ desired: pinSchema, state: pinSchema, controller: keyField }),
});

export type Policy = DeepReadonly<z.infer<typeof policySchema>>;
export type Operator = Policy["operators"][number];
export type Agent = Policy["agents"][number];
export type Automation = Policy["automations"][number];
export type Keeper = Policy["keepers"][number];
export type Scope = Policy["scopes"][number];
export type DenyRule = Policy["deny"][number];
export type ReviewRule = Policy["review"][number];
/** So many people out of some groups. */
export interface Quorum {
  readonly approvals: number;
  readonly groups: readonly string[];
}
export type UnopposedRule = Policy["unopposed"][number];
export type AutoSignRule = Policy["auto_sign"][number];
export type BreakGlassRule = Policy["break_glass"][number];
export type DateRange = NonNullable<DenyRule["dates"]>[number];
export type ImageUpdateRule = Policy["image_updates"][number];
export type TimeWindow = NonNullable<AutoSignRule["windows"]>[number];
