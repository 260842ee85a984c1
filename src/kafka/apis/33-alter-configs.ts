/**
 * AlterConfigs (33): replaces all settings of a topic or a broker. It reads and changes them in two steps, so
 * concurrent changes may be lost, as its clients must expect; IncrementalAlterConfigs loses none.
 */
import type { Refusal } from "../../base/errors.ts";
import type { ConfigChange } from "../../objects/contracts/controller.ts";
import { alterResource, ownConfigs } from "../alter-configs.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

type Asked = Request<33>["resources"][number];

export const alterConfigs: Handler<33> = async ({ resources, validateOnly }, { session }) => ({
  responses: await inBatches(resources, async (asked) => {
    const { resourceType, resourceName } = asked;
    const altered = await replace(session, asked, validateOnly);
    return { ...errorFields(altered), resourceType, resourceName };
  }),
});

async function replace(
  session: Session,
  asked: Asked,
  validateOnly: boolean,
): Promise<{ readonly ok: true } | Refusal> {
  const own = await ownConfigs(session, asked);
  if (!own.ok) return own;
  const { configs } = asked;
  const set = configs.map(({ name, value }): ConfigChange => ({ name, value, operation: "SET" }));
  const named = new Set(configs.map(({ name }) => name));
  const others = Object.keys(own.configs).filter((name) => !named.has(name));
  const reset = others.map((name): ConfigChange => ({ name, value: null, operation: "DELETE" }));
  return alterResource(session, asked, [...set, ...reset], validateOnly);
}
