/** CreatePartitions (37): adds partitions to topics; the service places those that are not placed by hand. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { forget } from "../../gateway/metadata.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

type Asked = Request<37>["topics"][number];

export const createPartitions: Handler<37> = async ({ topics, validateOnly }, { session }) => {
  const times = new Map<string, number>();
  for (const { name } of topics) times.set(name, (times.get(name) ?? 0) + 1);
  const once = [...new Map(topics.map((topic) => [topic.name, topic])).values()];
  const results = await inBatches(once, async (asked) => {
    const grown =
      times.get(asked.name) === 1
        ? await grow(session, asked, validateOnly)
        : refuse("INVALID_REQUEST", "The topic is named more than once.");
    return { name: asked.name, ...errorFields(grown) };
  });
  return { results };
};

async function grow(
  session: Session,
  { name, count, assignments }: Asked,
  validateOnly: boolean,
): Promise<{ readonly ok: true } | Refusal> {
  // Some clients send an empty list for none.
  const isByHand = assignments !== null && assignments.length > 0;
  const byHand = isByHand ? assignments.map(({ brokerIds }) => brokerIds) : null;
  const grown = await session.controller(false, (controller) =>
    controller.createPartitions(name, count, validateOnly, byHand, true),
  );
  if (!validateOnly) forget(name);
  return grown;
}
