/** Shapes of the requests and answers about consumer instances that several routes share. */
import * as z from "zod";
import { int32, topicText } from "../text-schemas.ts";
import { GROUP_PARTITIONS_MAX, INT_MAX } from "../../base/limits.ts";
import { V2_JSON } from "../answers.ts";
import type { Content } from "../route.ts";

const topicPartition = { topic: topicText, partition: int32 };

export const partitionsSchema = z
  .strictObject({ partitions: z.array(z.strictObject(topicPartition)).max(GROUP_PARTITIONS_MAX) })
  .meta({ id: "ConsumerPartitions" });

export const partitionsExample = { partitions: [{ topic: "flights", partition: 0 }] };

/** At most the largest offset less 1, because a commit stores offset + 1. */
const offset = z
  .int()
  .min(0)
  .max(INT_MAX - 1);

const offsetEntry = z.strictObject({
  ...topicPartition,
  offset,
  metadata: z.string().nullable().optional(),
});

export const offsetsSchema = z
  .strictObject({ offsets: z.array(offsetEntry).max(GROUP_PARTITIONS_MAX) })
  .meta({ id: "ConsumerOffsets" });

export const offsetsExample = { offsets: [{ topic: "flights", partition: 0, offset: 41 }] };

/** The content of a body or an answer in the media types of v2. */
export function v2Content(schema: z.ZodType, example: unknown): Record<string, Content> {
  const content = { schema, example };
  return { [V2_JSON]: content, "application/json": content };
}

export const NO_CONTENT = { 204: { description: "Done." } } as const;
