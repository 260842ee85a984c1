/**
 * The floor's object: the least that a log on this platform costs. It appends each body as it is, answers with an
 * offset when the write is durable (with followers: when theirs is, too), and reads rows back as they are. No names,
 * no format, no validation, no retention.
 */
import { DurableObject } from "cloudflare:workers";

/** Largest row, in bytes: the platform refuses those over 2 MB. */
const ROW_BYTES_MAX = 1_990_000;

interface Waiting {
  readonly body: ArrayBuffer;
  readonly answer: (offset: number) => void;
}

interface Env {
  readonly FLOOR: DurableObjectNamespace<FloorLog>;
}

const FOLLOWERS = 2;

export class FloorLog extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  #waiting: Waiting[] = [];
  #flushing = false;
  #nextOffset: number;
  #rowsWritten = 0;
  #isReplicated = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS rows (last_offset INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    );
    const last = this.#sql.exec<{ last: number | null }>(
      "SELECT max(last_offset) AS last FROM rows",
    );
    this.#nextOffset = (last.one().last ?? -1) + 1;
  }

  /** POST appends the body; GET reads the row that holds `?offset=`; DELETE drops all. */
  override async fetch(request: Request): Promise<Response> {
    if (request.method === "POST") {
      if (request.url.includes("/replicated/")) this.#isReplicated = true;
      return new Response(String(await this.#append(await request.arrayBuffer())));
    }
    if (request.method === "DELETE") {
      this.#sql.exec("DELETE FROM rows");
      return new Response(null, { status: 204 });
    }
    const { url } = request;
    return new Response(this.#read(Number(url.slice(url.lastIndexOf("=") + 1))));
  }

  /** Rows written since the object woke up. */
  rowsWritten(): number {
    return this.#rowsWritten;
  }

  #append(body: ArrayBuffer): Promise<number> {
    return new Promise((answer) => {
      this.#waiting.push({ body, answer });
      if (!this.#flushing) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0, this.#fitting());
      const first = this.#nextOffset;
      this.#nextOffset += taken.length;
      const insert = "INSERT INTO rows VALUES (?, ?)";
      const row = joined(taken);
      this.#rowsWritten += this.#sql.exec(insert, this.#nextOffset - 1, row).rowsWritten;
      // Appends gather into the next row while this one becomes durable.
      await this.ctx.storage.sync();
      if (this.#isReplicated) await this.#copy(row);
      for (const [i, { answer }] of taken.entries()) answer(first + i);
    }
    this.#flushing = false;
  }

  async #copy(row: ArrayBuffer): Promise<void> {
    const name = this.ctx.id.name;
    const send = async (follower: number): Promise<void> => {
      const log = this.env.FLOOR.getByName(`${name}-${follower}`);
      const answer = await log.fetch("http://floor/append", { method: "POST", body: row });
      await answer.text();
    };
    await Promise.all(Array.from({ length: FOLLOWERS }, (_, follower) => send(follower)));
  }

  /** How many of the waiting appends go into one row. */
  #fitting(): number {
    let bytes = 0;
    const past = this.#waiting.findIndex(({ body }) => (bytes += body.byteLength) > ROW_BYTES_MAX);
    return past === -1 ? this.#waiting.length : Math.max(1, past);
  }

  #read(offset: number): ArrayBuffer | null {
    const query = "SELECT data FROM rows WHERE last_offset >= ? ORDER BY last_offset LIMIT 1";
    return this.#sql.exec<{ data: ArrayBuffer }>(query, offset).toArray()[0]?.data ?? null;
  }
}

function joined(taken: readonly Waiting[]): ArrayBuffer {
  if (taken.length === 1) return taken[0]!.body;
  const data = new Uint8Array(taken.reduce((sum, { body }) => sum + body.byteLength, 0));
  let at = 0;
  for (const { body } of taken) {
    data.set(new Uint8Array(body), at);
    at += body.byteLength;
  }
  return data.buffer;
}
