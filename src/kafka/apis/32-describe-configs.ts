/**
 * DescribeConfigs (32): a topic's settings, the source of each and the value without it; for a broker its own
 * settings and those of the service, which are the same for all brokers and come from the environment.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { brokerNamed } from "../alter-configs.ts";
import { errorFields } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";
import {
  RESOURCE,
  brokerConfigEntries,
  topicConfigEntries,
  type ConfigEntry,
} from "../config-entries.ts";

type Asked = Request<32>["resources"][number];
type Described = { readonly ok: true; readonly settings: readonly ConfigEntry[] } | Refusal;

export const describeConfigs: Handler<32> = async (request, { session }) => ({
  results: await inBatches(request.resources, async (asked) => {
    const { resourceType, resourceName } = asked;
    const described = await describe(session, asked);
    const settings = described.ok ? described.settings : [];
    const configs = settings.map((setting) => ({
      ...setting,
      synonyms: request.includeSynonyms ? setting.synonyms : [],
      documentation: request.includeDocumentation ? setting.documentation : null,
    }));
    return { ...errorFields(described), resourceType, resourceName, configs };
  }),
});

async function describe(session: Session, asked: Asked): Promise<Described> {
  const { resourceType, resourceName, configurationKeys } = asked;
  const wanted = configurationKeys === null ? null : new Set(configurationKeys);
  const { service } = session;
  switch (resourceType) {
    case RESOURCE.topic: {
      const topic = await session.topic(resourceName, true);
      if (!topic.ok) return topic;
      return { ok: true, settings: topicConfigEntries(service, topic.metadata, wanted) };
    }
    case RESOURCE.broker: {
      // The empty name stands for the dynamic settings of all brokers; there are none.
      if (resourceName === "") return { ok: true, settings: [] };
      const found = await brokerNamed(session, resourceName);
      if (!found.ok) return found;
      return {
        ok: true,
        settings: brokerConfigEntries(service, found.broker.configs ?? {}, wanted),
      };
    }
    default:
      return refuse("INVALID_REQUEST", "Topics and brokers have settings.");
  }
}
