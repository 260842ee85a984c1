/** What AlterConfigs and IncrementalAlterConfigs share: topics have settings that can be changed, others do not. */
import { refuse, type Refusal } from "../base/errors.ts";
import type { ConfigChange } from "../objects/controller/api.ts";
import { forget } from "../worker/metadata.ts";
import { RESOURCE } from "./settings.ts";
import type { Session } from "./session.ts";

const NOT_A_TOPIC =
  "Only topics' settings can be changed here: those of the service come from its environment.";

export interface AlteredResource {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Null where the settings of this resource can be changed. INVALID_REQUEST. */
export function resourceRefusal({ resourceType }: AlteredResource): Refusal | null {
  return resourceType === RESOURCE.topic ? null : refuse("INVALID_REQUEST", NOT_A_TOPIC);
}

export async function alterTopic(
  session: Session,
  topic: string,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<{ readonly ok: true } | Refusal> {
  const altered = await session.controller(false, (controller) =>
    controller.alterConfigs(topic, changes, validateOnly),
  );
  if (!validateOnly) forget(topic);
  return altered;
}
