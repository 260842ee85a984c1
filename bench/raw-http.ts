/** Raw batches over HTTP: the paths and the requests that carry them. */
import type { LoadRequest } from "./load-protocol.ts";
import type { Topic } from "./rig.ts";

export const RAW = "application/vnd.kafka.recordbatch.v2";

export function recordsPath(topic: string, partition = 0): string {
  return `/v3/clusters/odradek/topics/${topic}/partitions/${partition}/records:batch`;
}

/** Of partition 0, from `offset` on. */
export function fetchPath(topic: string, offset: number, bytesMax: number): string {
  return `/topics/${topic}/partitions/0/records?offset=${offset}&max_bytes=${bytesMax}`;
}

/** Appends batches once; throws when they are refused. */
export async function append(url: string, body: Uint8Array): Promise<void> {
  const headers = { "content-type": RAW };
  const answer = await fetch(url, {
    method: "POST",
    headers,
    body: body as Uint8Array<ArrayBuffer>,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST ${url} answers ${answer.status}: ${text}`);
}

/** When this is answered, the requests that a load has left in flight are over: a partition answers in order. */
export async function settle(
  url: string,
  { name, partitions }: Topic,
  body: Uint8Array,
): Promise<void> {
  const paths = Array.from({ length: partitions }, (_, i) => recordsPath(name, i));
  await Promise.all(paths.map((path) => append(url + path, body)));
}

export function posts(
  paths: readonly string[],
  contentType: string,
  body: Uint8Array,
): LoadRequest {
  return { method: "POST", paths, headers: { "content-type": contentType }, body };
}

export function gets(paths: readonly string[]): LoadRequest {
  return { method: "GET", paths, headers: { accept: RAW } };
}
