/**
 * Where a page of the list of groups begins: after the last id of the page before. An id may be longer than a URL; it
 * is then named by its beginning and its digest.
 */
import { toHex } from "../../base/bytes.ts";
import type { Refusal } from "../../base/errors.ts";
import { groupIdProblem } from "../../base/ids.ts";
import { GROUP_NAME_LENGTH_MAX, URL_BYTES_MAX } from "../../base/limits.ts";
import type { GroupList } from "../../objects/contracts/controller.ts";
import { callController, digestOf } from "../../gateway/objects.ts";
import type { Service } from "../../gateway/service.ts";

/** Ids that are compared with the digest at a time. */
const LOOKED_AT_ONCE = 1_000;

export interface Cursor {
  /** A group's id, or the beginning of one. Empty: the first page. */
  readonly after: string;
  /** Hexadecimal SHA-256 of the id that begins with `after`; null where `after` is the id. */
  readonly digest: string | null;
}

/** Whether the query's values are legal. */
export function isCursor({ after, digest }: Cursor): boolean {
  return groupIdProblem(after) === null && (digest === null || /^[0-9a-f]{64}$/.test(digest));
}

/** The next page's URL: `url` has no query yet. `state` is passed on as it was asked for. */
export async function urlAfter(
  url: string,
  groupId: string,
  limit: number,
  state: "true" | "false",
): Promise<string> {
  const rest = `&limit=${limit}${state === "false" ? "&state=false" : ""}`;
  const plain = `${url}?after=${encodeURIComponent(groupId)}${rest}`;
  // Percent-encoded it is ASCII, one byte for each character.
  if (plain.length <= URL_BYTES_MAX) return plain;
  const after = encodeURIComponent(beginningOf(groupId));
  return `${url}?after=${after}&after_digest=${await hexDigest(groupId)}${rest}`;
}

/** The ids of a page, in their order. */
export async function groupsAfter(
  service: Service,
  cursor: Cursor,
  limit: number,
): Promise<GroupList | Refusal> {
  const after = cursor.digest === null ? cursor.after : await find(service, cursor);
  if (typeof after !== "string") return after;
  return callController(service, true, (stub) => stub.groups(after, limit));
}

/** The id with this digest. Where it is gone, its beginning: some groups may be listed twice, but none is left out. */
async function find(service: Service, { after, digest }: Cursor): Promise<string | Refusal> {
  for (let from = after; ;) {
    const page = await callController(service, true, (stub) => stub.groups(from, LOOKED_AT_ONCE));
    if (!page.ok) return page;
    for (const groupId of page.groupIds) {
      if (!groupId.startsWith(after)) return after;
      if ((await hexDigest(groupId)) === digest) return groupId;
    }
    const last = page.groupIds.at(-1);
    if (last === undefined || page.hasMore !== true) return after;
    from = last;
  }
}

/** Of whole characters: half a surrogate pair cannot be written in a URL. */
function beginningOf(groupId: string): string {
  const cut = groupId.slice(0, GROUP_NAME_LENGTH_MAX);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

async function hexDigest(text: string): Promise<string> {
  return toHex(await digestOf(text));
}
