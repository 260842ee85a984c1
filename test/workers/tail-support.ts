/** Readers of streams for tests: they wait for what they are to see, and never for a while. */
import { call, ORIGIN, partitionPath } from "./records-support.ts";

export interface StreamEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: string;
}

/** A reader of server-sent events, as a browser is one. */
export class EventReader {
  readonly response: Response;
  private readonly reader: ReadableStreamDefaultReader<string>;
  private text = "";

  private constructor(response: Response) {
    this.response = response;
    this.reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(
    topic: string,
    query: string,
    headers: Record<string, string> = {},
  ): Promise<EventReader> {
    const response = await call(partitionPath(topic) + query, {
      headers: { accept: "text/event-stream", ...headers },
    });
    if (response.status !== 200) throw new Error(await response.text());
    return new EventReader(response);
  }

  /** The next event; null at the end of the stream. */
  async next(): Promise<StreamEvent | null> {
    for (;;) {
      const end = this.text.indexOf("\n\n");
      if (end < 0) {
        const read = await this.reader.read();
        if (read.done) return null;
        this.text += read.value;
        continue;
      }
      const lines = this.text.slice(0, end).split("\n");
      this.text = this.text.slice(end + 2);
      const field = (name: string): string[] =>
        lines
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart());
      const data = field("data");
      if (data.length === 0) continue;
      const event = field("event")[0] ?? "message";
      return { event, id: field("id")[0] ?? null, data: data.join("\n") };
    }
  }

  async take(count: number): Promise<StreamEvent[]> {
    const events: StreamEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === null) throw new Error(`the stream ended after ${events.length} events`);
      events.push(event);
    }
    return events;
  }

  async close(): Promise<void> {
    await this.reader.cancel();
  }
}

/** A WebSocket whose messages are taken one by one. */
export class Tail {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly messages: (string | Uint8Array)[] = [];
  private wake: (() => void) | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      this.messages.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
      this.wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.accept();
  }

  static async open(topic: string, query: string): Promise<Tail> {
    const response = await call(partitionPath(topic) + query, {
      headers: { upgrade: "websocket" },
    });
    if (!response.webSocket) throw new Error(`${ORIGIN}: ${await response.text()}`);
    return new Tail(response.webSocket);
  }

  async next(): Promise<string | Uint8Array> {
    while (this.messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.messages.shift()!;
  }

  async text(): Promise<string> {
    const message = await this.next();
    if (typeof message !== "string") throw new Error("a binary message");
    return message;
  }

  close(): void {
    this.socket.close(1000);
  }
}
