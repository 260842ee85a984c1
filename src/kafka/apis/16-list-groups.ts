/**
 * ListGroups (16): the groups, by id. Clients ask every broker and merge the answers, so each port lists the groups
 * whose coordinator it is named as; a port that is not known lists all. The controller has the names, and each group
 * has its state: groups beyond {@link DESCRIBED_MAX} are listed without being asked, as consumers in the state
 * Unknown.
 */
import type { Refusal } from "../../base/errors.ts";
import { coordinatorOf, nodesOf } from "../../gateway/addresses.ts";
import { codeOfGroup, NONE } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

const DESCRIBED_MAX = 1_000;
const PAGE_GROUPS = 10_000;
/** The type of all groups, by Kafka's name for the classic protocol. */
const CLASSIC = "Classic";

/** Filters are compared without regard to case, as in Kafka. */
const isClassic = (type: string): boolean => type.toLowerCase() === CLASSIC.toLowerCase();

type GroupAnswer = Response<16>["groups"][number];

export const listGroups: Handler<16> = async (request, { session }) => {
  const { statesFilter, typesFilter } = request;
  const isWanted = typesFilter.length === 0 || typesFilter.some(isClassic);
  if (!isWanted) return { errorCode: NONE, groups: [] };
  const all = await allGroups(session);
  const groupIds = "ok" in all ? all : await coordinatedHere(session, all);
  if ("ok" in groupIds) return { errorCode: codeOfGroup(groupIds), groups: [] };
  const described = await inBatches(groupIds.slice(0, DESCRIBED_MAX), (id) => glance(session, id));
  const others = groupIds.slice(DESCRIBED_MAX).map(unknown);
  const wanted = new Set(statesFilter.map((state) => state.toLowerCase()));
  const groups = [...described, ...others].filter(
    ({ groupState = "" }) =>
      groupState !== "Dead" && (wanted.size === 0 || wanted.has(groupState.toLowerCase())),
  );
  return { errorCode: NONE, groups };
};

async function allGroups(session: Session): Promise<readonly string[] | Refusal> {
  const all: string[] = [];
  for (;;) {
    const after = all.at(-1) ?? "";
    const page = await session.controller(true, (controller) =>
      controller.groups(after, PAGE_GROUPS),
    );
    if (!page.ok) return page;
    for (const groupId of page.groupIds) all.push(groupId);
    if (!(page.hasMore ?? page.groupIds.length === PAGE_GROUPS)) return all;
  }
}

async function coordinatedHere(
  session: Session,
  groupIds: readonly string[],
): Promise<readonly string[] | Refusal> {
  const { listener, addresses } = session.peer;
  if (listener === null) return groupIds;
  const cluster = await session.controller(true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  const ports = nodesOf(cluster, addresses).all.map(({ port }) => port);
  return groupIds.filter((groupId) => coordinatorOf(groupId, ports) === addresses.port + listener);
}

async function glance(session: Session, groupId: string): Promise<GroupAnswer> {
  const group = await session.coordinator(groupId, { repeatable: true }, (coordinator) =>
    coordinator.describeGroup(),
  );
  if (!group.ok) return unknown(groupId);
  const { protocolType, state } = group;
  return { groupId, protocolType, groupState: state, groupType: CLASSIC };
}

function unknown(groupId: string): GroupAnswer {
  return { groupId, protocolType: "consumer", groupState: "Unknown", groupType: CLASSIC };
}
