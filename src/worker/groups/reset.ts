/** Setting and resetting a group's offsets: the shapes of the request, and the offset that a rule leads to. */
import * as z from "zod";
import { int32, topicText } from "../text-schemas.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { INT_MAX } from "../../base/limits.ts";
import type { OffsetSpec } from "../../objects/contracts/partition.ts";
import { PARTITIONS_MAX } from "./log-ends.ts";

const offset = z.int().min(0).max(INT_MAX);

const entry = z.strictObject({
  topic_name: topicText,
  partition_id: int32,
  offset: offset.describe("The next offset to read: nothing is added."),
  metadata: z.string().optional(),
});

const topicChoice = z.strictObject({
  topic_name: topicText,
  partitions: z
    .array(int32)
    .min(1)
    .max(PARTITIONS_MAX)
    .optional()
    .describe("All of the topic's when absent."),
});

const resetSchema = z.strictObject({
  to: z.enum(["earliest", "latest", "current", "timestamp", "offset", "shift-by"]),
  timestamp: z
    .union([z.iso.datetime({ offset: true }), offset])
    .optional()
    .describe(
      "RFC 3339 or milliseconds since 1970: the first record at or after it, else the end.",
    ),
  offset: offset.optional(),
  by: z.int().min(-INT_MAX).max(INT_MAX).optional().describe("Backwards when negative."),
  topics: z
    .array(topicChoice)
    .min(1)
    .max(PARTITIONS_MAX)
    .optional()
    .describe("All partitions that are committed when absent."),
});

export const offsetsRequest = z
  .strictObject({
    offsets: z.array(entry).min(1).max(PARTITIONS_MAX).optional(),
    reset: resetSchema.optional(),
    dry_run: z.boolean().optional().describe("Answers what would be set, and sets nothing."),
  })
  .meta({ id: "AlterConsumerGroupOffsetsRequest", minProperties: 1 });

export type Reset = z.output<typeof resetSchema>;

/** A rule that is complete. `current` keeps what is committed, within the log's ends. */
export type Rule =
  | { readonly to: "earliest" | "latest" | "current" }
  | { readonly to: "timestamp"; readonly timestampMs: number }
  | { readonly to: "offset"; readonly offset: number }
  | { readonly to: "shift-by"; readonly by: number };

/** The rule of a request. INVALID_REQUEST where a field that it needs is missing, or one is given that it does not take. */
export function ruleOf(reset: Reset): { readonly ok: true; readonly rule: Rule } | Refusal {
  const { to, timestamp, offset: at, by } = reset;
  const needed = { timestamp, offset: at, "shift-by": by };
  for (const [name, value] of Object.entries(needed)) {
    const field = name === "shift-by" ? "by" : name;
    if (name === to && value === undefined) {
      return refuse("INVALID_REQUEST", `reset.to ${to} needs reset.${field}.`);
    }
    if (name !== to && value !== undefined) {
      return refuse("INVALID_REQUEST", `reset.${field} has no meaning for reset.to ${to}.`);
    }
  }
  switch (to) {
    case "timestamp": {
      const timestampMs = typeof timestamp === "string" ? Date.parse(timestamp) : timestamp!;
      if (timestampMs < 0) return refuse("INVALID_REQUEST", "reset.timestamp is before 1970.");
      return { ok: true, rule: { to, timestampMs } };
    }
    case "offset":
      return { ok: true, rule: { to, offset: at! } };
    case "shift-by":
      return { ok: true, rule: { to, by: by! } };
    default:
      return { ok: true, rule: { to } };
  }
}

/** The ends of a partition's log, and the offset that a rule by time looked up. */
export interface LogFacts {
  readonly earliest: number;
  readonly latest: number;
  /** The first record at or after the rule's time; -1 for none. Unused by other rules. */
  readonly atTime: number;
}

/** What has to be looked up besides the ends; null for nothing. */
export function specOf(rule: Rule): OffsetSpec | null {
  return rule.to === "timestamp" ? { at: "timestamp", timestampMs: rule.timestampMs } : null;
}

/**
 * The offset to set, always within the log. `current`: the committed offset, null for none. INVALID_REQUEST where the
 * rule needs a committed offset and there is none.
 */
export function targetOf(rule: Rule, log: LogFacts, current: number | null): number | Refusal {
  const within = (wanted: number): number => Math.min(Math.max(wanted, log.earliest), log.latest);
  switch (rule.to) {
    case "earliest":
      return log.earliest;
    case "latest":
      return log.latest;
    case "timestamp":
      return log.atTime < 0 ? log.latest : within(log.atTime);
    case "offset":
      return within(rule.offset);
    case "current":
      return current === null ? refuse("INVALID_REQUEST", NOTHING) : within(current);
    case "shift-by":
      return current === null ? refuse("INVALID_REQUEST", NOTHING) : within(current + rule.by);
  }
}

const NOTHING = "Nothing is committed, so there is nothing to go by.";
