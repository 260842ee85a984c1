/** GET /healthz: whether the worker answers and storage accepts writes. Loaded at a worker's start, because it is polled. */
import * as z from "zod";
import { refuse } from "../../base/errors.ts";
import { isStorageFailing } from "../../gateway/storage-health.ts";
import { json } from "../answers.ts";
import { defineRoute } from "../route.ts";

export const healthRoute = defineRoute({
  method: "GET",
  path: "/healthz",
  id: "health",
  needs: [],
  tag: "Service",
  summary: "Whether the worker answers, and storage takes what is written",
  description:
    "Needs no key and calls no object: an isolate whose last append was refused by storage says so, until one is taken or a minute has gone by.",
  open: true,
  answers: {
    200: {
      description: "The service is healthy.",
      content: {
        "application/json": {
          schema: z.object({ status: z.literal("ok") }),
          example: { status: "ok" },
        },
      },
    },
  },
  errors: ["KAFKA_STORAGE_ERROR"],
  handler: () =>
    isStorageFailing()
      ? refuse("KAFKA_STORAGE_ERROR", "Storage refuses what is written: is the disk full?")
      : json({ status: "ok" }),
});
