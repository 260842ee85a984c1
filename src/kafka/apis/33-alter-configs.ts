/**
 * AlterConfigs (33): gives a topic these settings and no others. It is read and changed in two steps, as
 * clients of it must expect: IncrementalAlterConfigs is the one that loses nothing.
 */
import type { Refusal } from "../../base/errors.ts";
import type { ConfigChange } from "../../objects/controller/api.ts";
import { alterTopic, resourceRefusal } from "../altering.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type Asked = Request<33>["resources"][number];

export const alterConfigs: Handler<33> = async ({ resources, validateOnly }, { session }) => ({
  responses: await inBatches(resources, async (asked) => {
    const { resourceType, resourceName } = asked;
    const altered = resourceRefusal(asked) ?? (await replace(session, asked, validateOnly));
    return { ...errorFields(altered), resourceType, resourceName };
  }),
});

async function replace(
  session: Session,
  { resourceName, configs }: Asked,
  validateOnly: boolean,
): Promise<{ readonly ok: true } | Refusal> {
  const topic = await session.topic(resourceName, true);
  if (!topic.ok) return topic;
  const set = configs.map(({ name, value }): ConfigChange => ({ name, value, operation: "SET" }));
  const named = new Set(configs.map(({ name }) => name));
  const others = Object.keys(topic.metadata.configs).filter((name) => !named.has(name));
  const reset = others.map((name): ConfigChange => ({ name, value: null, operation: "DELETE" }));
  return alterTopic(session, resourceName, [...set, ...reset], validateOnly);
}
