/**
 * IncrementalAlterConfigs (44): sets and resets single settings of topics and brokers, and appends to lists or
 * subtracts from them (KIP-339).
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { ConfigChange } from "../../objects/contracts/controller.ts";
import { alterResource } from "../alter-configs.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

type Asked = Request<44>["resources"][number];

const OPERATIONS: readonly (ConfigChange["operation"] | undefined)[] = [
  "SET",
  "DELETE",
  "APPEND",
  "SUBTRACT",
];

export const incrementalAlterConfigs: Handler<44> = async (request, { session }) => ({
  responses: await inBatches(request.resources, async (asked) => {
    const { resourceType, resourceName } = asked;
    const altered = await alter(session, asked, request.validateOnly);
    return { ...errorFields(altered), resourceType, resourceName };
  }),
});

async function alter(
  session: Session,
  asked: Asked,
  validateOnly: boolean,
): Promise<{ readonly ok: true } | Refusal> {
  const changes: ConfigChange[] = [];
  for (const { name, configOperation, value } of asked.configs) {
    const operation = OPERATIONS[configOperation];
    if (operation === undefined) {
      return refuse("INVALID_REQUEST", "There is no such operation on a setting.");
    }
    changes.push({ name, value, operation });
  }
  return alterResource(session, asked, changes, validateOnly);
}
