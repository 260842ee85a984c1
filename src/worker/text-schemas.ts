/**
 * Texts of paths, queries and headers in the description, with the pattern that is taken. They describe; the values are
 * read by hand (params.ts), so that errors are exact.
 */
import * as z from "zod";
import { TOPIC_NAME_LENGTH_MAX } from "../base/limits.ts";

/** A whole number as text. */
export const wholeText = z.string().meta({ pattern: "^[0-9]{1,15}$" });

/** A topic's name; also in bodies, where the name is checked elsewhere. */
export const topicText = z
  .string()
  .meta({ pattern: `^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,${TOPIC_NAME_LENGTH_MAX - 1}}$` });

/** The number of a partition or a broker in bodies: what Kafka's protocol holds. */
export const int32 = z.int().min(0).max(2_147_483_647);
