/** Readers of streams: server-sent events and WebSocket tails, which resume after the end of each connection. */
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { WebSocket } from "ws";
import { partitionPath } from "../support/brokers.ts";
import type { LiveHistory } from "../support/live-history.ts";
import { ReaderHistory } from "../support/reader-history.ts";
import { isDone } from "./wire-readers.ts";
import { count, type World } from "./world.ts";

const PAUSE_MS = 50;
const LOOK_MS = 50;

interface Shown {
  readonly offset: number;
  readonly value: string;
}

/** Resumes from `Last-Event-ID`, as a browser does. */
export async function readEvents(world: World, history: LiveHistory): Promise<void> {
  const reader = new ReaderHistory(history, "event stream");
  const url = `${world.live.client.url}${partitionPath(history.place)}/records?offset=earliest`;
  while (!isDone(world, reader)) {
    const over = new AbortController();
    const looking = setInterval(() => isDone(world, reader) && over.abort(), LOOK_MS);
    const lastEventId = reader.next === 0 ? {} : { "last-event-id": String(reader.next) };
    try {
      const { body, statusCode } = await request(url, {
        headers: { accept: "text/event-stream", ...lastEventId },
        signal: over.signal,
      });
      if (statusCode === 200) await readStream(body, reader, world);
      else refused(reader, statusCode, await body.text());
    } catch (error) {
      if (!isCut(error)) throw error;
    } finally {
      clearInterval(looking);
    }
    await sleep(PAUSE_MS);
  }
}

async function readStream(
  body: AsyncIterable<Buffer>,
  reader: ReaderHistory,
  world: World,
): Promise<void> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split("\n\n");
    text = events.pop()!;
    for (const event of events) {
      const data = /^data: ?(.*)$/m.exec(event)?.[1];
      // A comment keeps the connection alive; an error event ends the stream.
      if (data === undefined || /^event: error$/m.test(event)) continue;
      const { offset, value } = JSON.parse(data) as Shown;
      reader.take(offset, value);
      count(world.totals, "read: events");
    }
  }
}

/** Resumes by offset. */
export async function readTail(world: World, history: LiveHistory): Promise<void> {
  const reader = new ReaderHistory(history, "tail");
  while (!isDone(world, reader)) {
    await followTail(world, reader);
    await sleep(PAUSE_MS);
  }
}

/** One connection to its end. */
async function followTail(world: World, reader: ReaderHistory): Promise<void> {
  const path = `${partitionPath(reader.history.place)}/records?offset=${reader.next}`;
  const socket = new WebSocket(`${world.live.client.url.replace(/^http/, "ws")}${path}`);
  const looking = setInterval(() => isDone(world, reader) && socket.terminate(), LOOK_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      let isFirst = true;
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.on("message", (message: Buffer) => {
        try {
          // The first one tells the ends of the log.
          if (!isFirst) takeMessage(world, reader, socket, message.toString());
          isFirst = false;
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  } finally {
    clearInterval(looking);
    socket.terminate();
  }
}

function takeMessage(
  { totals }: World,
  reader: ReaderHistory,
  socket: WebSocket,
  message: string,
): void {
  const shown = JSON.parse(message) as readonly Shown[];
  for (const { offset, value } of shown) reader.take(offset, value);
  count(totals, "read: tails", shown.length);
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ ack: reader.next }));
}

function refused(reader: ReaderHistory, status: number, text: string): void {
  const code = /"error_code":(\d+)/.exec(text)?.[1];
  if (status < 500 && code !== "40404") throw new Error(`${reader.name}: ${status} ${text}`);
}

function isCut(error: unknown): boolean {
  const { code = "", name, message } = error as Error & { code?: string };
  if (name === "AbortError") return true;
  return /^(ECONN|EPIPE|UND_ERR)/.test(code) || /socket|terminated|closed/.test(message);
}
