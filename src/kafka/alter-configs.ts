/**
 * What AlterConfigs and IncrementalAlterConfigs share. Topics and brokers have settings that can be altered. Setting
 * a broker's read-only setting to the value it already has is accepted, because tools write out every setting.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import { parseWhole } from "../base/ids.ts";
import type { BrokerDescription, ConfigChange } from "../objects/contracts/controller.ts";
import { forget } from "../gateway/metadata.ts";
import type { Session } from "./session.ts";
import { brokerConfigEntries, RESOURCE } from "./config-entries.ts";

export interface AlteredResource {
  readonly resourceType: number;
  readonly resourceName: string;
}

const OF_ALL_BROKERS =
  "Settings of all brokers come from the service's environment; others are altered broker by broker.";

type Altered = { readonly ok: true } | Refusal;

/** The settings that a resource has of its own, by name. Errors: those of the resource, INVALID_REQUEST. */
export async function ownConfigs(
  session: Session,
  { resourceType, resourceName }: AlteredResource,
): Promise<{ readonly ok: true; readonly configs: Readonly<Record<string, string>> } | Refusal> {
  if (resourceType === RESOURCE.topic) {
    const topic = await session.topic(resourceName, true);
    return topic.ok ? { ok: true, configs: topic.metadata.configs } : topic;
  }
  if (resourceType !== RESOURCE.broker) return notAltered();
  const found = await brokerNamed(session, resourceName);
  return found.ok ? { ok: true, configs: found.broker.configs ?? {} } : found;
}

export async function alterResource(
  session: Session,
  { resourceType, resourceName }: AlteredResource,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<Altered> {
  switch (resourceType) {
    case RESOURCE.topic: {
      const altered = await session.controller(false, (controller) =>
        controller.alterConfigs(resourceName, changes, validateOnly),
      );
      if (!validateOnly) forget(resourceName);
      return altered;
    }
    case RESOURCE.broker:
      return alterBroker(session, resourceName, changes, validateOnly);
    default:
      return notAltered();
  }
}

async function alterBroker(
  session: Session,
  name: string,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<Altered> {
  const found = await brokerNamed(session, name);
  if (!found.ok) return found;
  const { brokerId, configs = {} } = found.broker;
  const settings = brokerConfigEntries(session.service, configs, null);
  const fixed = new Map(
    settings.filter(({ readOnly }) => readOnly).map((setting) => [setting.name, setting.value]),
  );
  const others = changes.filter(
    ({ name: setting, value, operation }) =>
      operation !== "SET" || value === null || fixed.get(setting) !== value,
  );
  return session.controller(false, (controller) =>
    controller.alterBrokerConfigs(brokerId, others, validateOnly),
  );
}

/**
 * The broker with this id. Errors: INVALID_REQUEST; INVALID_CONFIG for the empty name, which stands for all brokers
 * in Kafka.
 */
export async function brokerNamed(
  session: Session,
  name: string,
): Promise<{ readonly ok: true; readonly broker: BrokerDescription } | Refusal> {
  if (name === "") return refuse("INVALID_CONFIG", OF_ALL_BROKERS);
  const cluster = await session.controller(true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  const id = parseWhole(name);
  const broker = cluster.brokers.find(({ brokerId }) => brokerId === id);
  return broker === undefined
    ? refuse("INVALID_REQUEST", "There is no such broker.")
    : { ok: true, broker };
}

function notAltered(): Refusal {
  return refuse("INVALID_REQUEST", "Topics and brokers have settings that can be altered.");
}
