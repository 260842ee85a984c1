/** CreatePartitions (37): more partitions for topics. The service places them, and refuses assignments by hand. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { forget } from "../../worker/metadata.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type Asked = Request<37>["topics"][number];

export const createPartitions: Handler<37> = async ({ topics, validateOnly }, { session }) => ({
  results: await inBatches(topics, async (asked) => ({
    name: asked.name,
    ...errorFields(await grow(session, asked, validateOnly)),
  })),
});

async function grow(
  session: Session,
  { name, count, assignments }: Asked,
  validateOnly: boolean,
): Promise<{ readonly ok: true } | Refusal> {
  if (assignments !== null && assignments.length > 0) {
    return refuse("INVALID_REPLICA_ASSIGNMENT", "Replicas are placed by the service.");
  }
  const grown = await session.controller(false, (controller) =>
    controller.createPartitions(name, count, validateOnly),
  );
  if (!validateOnly) forget(name);
  return grown;
}
