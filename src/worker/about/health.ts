/** GET /healthz: whether the worker answers and storage accepts writes. Loaded at a worker's start, because it is polled. */
import { refuse } from "../../base/errors.ts";
import { isStorageFailing } from "../../gateway/storage-health.ts";
import { json } from "../answers.ts";
import { defineEndpoint } from "../route.ts";

export const healthEndpoint = defineEndpoint({
  method: "GET",
  path: "/healthz",
  id: "health",
  needs: [],
  open: true,
  handler: () =>
    isStorageFailing()
      ? refuse("KAFKA_STORAGE_ERROR", "Storage refuses what is written: is the disk full?")
      : json({ status: "ok" }),
});
