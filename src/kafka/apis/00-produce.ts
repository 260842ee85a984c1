/**
 * Produce (0): appends record batches, which are validated to their last byte and stored as they came.
 *
 * Each partition has its own outcome. Appends of one connection to one partition are made in the order in which they
 * came, each after the last was answered; appends to different partitions run concurrently.
 *
 * A batch is refused whole, and the answer names the records at fault (KIP-467): at most 1,000 of them, where Kafka
 * names all.
 *
 * Deviations from Kafka: several batches for one partition are accepted, all or nothing. Versions 0 to 2 are
 * advertised and refused, like the message sets they carry. Transactions are refused.
 *
 * A topic that is named by its id (KIP-516, version 13 on) is that very topic: once it is deleted the producer gets
 * UNKNOWN_TOPIC_ID, even if another topic has its name now.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { Appended, AppendRefusal, AppendRequest } from "../../objects/contracts/partition.ts";
import { readRawBatches } from "../../gateway/raw-batches.ts";
import { CurrentLeaders } from "../current-leaders.ts";
import { codeOf, codeOfProduce, NO_TRANSACTIONS, NONE, ofTopicId } from "../errors.ts";
import { produce as messages } from "../messages/00-produce.ts";
import type { Request, Response } from "../messages/index.ts";
import { isById, keyOfTopic, type NamedTopic } from "../named-topic.ts";
import type { Handler } from "../handler.ts";
import type { Context, Session } from "../session.ts";
import { appendBatches } from "../../gateway/append.ts";
import { within } from "../../gateway/time.ts";

type PartitionData = Request<0>["topicData"][number]["partitionData"][number];
type PartitionAnswer = Response<0>["responses"][number]["partitionResponses"][number];

/** From this version on a producer may send zstd (KIP-110); older clients could not read their own topic. */
const ZSTD_SINCE = 7;

const NOT_LEADER = codeOf("NOT_LEADER_OR_FOLLOWER");

interface Settings {
  readonly acks: AppendRequest["acks"];
  readonly takesZstd: boolean;
  /** How long the client waits for the replicas, in milliseconds; null: as long as the service does. */
  readonly timeoutMs: number | null;
}

export const produce: Handler<0> = async (request, context) => {
  const refused = refusalOf(request, context);
  const settings = settingsOf(request, context);
  const leaders = new CurrentLeaders(context.session.peer.addresses);
  const responses = await Promise.all(
    request.topicData.map(async ({ name, topicId, partitionData }) => {
      const named = { topic: name, topicId };
      const key = keyOfTopic(named);
      const append = async (data: PartitionData): Promise<PartitionAnswer> => {
        const outcome =
          refused ??
          (await inOrder(context.session, `${key}/${data.index}`, () =>
            appendTo(context.session, named, data, settings),
          ));
        const answer = partitionAnswer(data.index, outcome);
        if (answer.errorCode !== NOT_LEADER) return answer;
        const topic = await context.session.namedTopic(named);
        return topic.ok ? { ...answer, currentLeader: leaders.of(topic, data.index) } : answer;
      };
      return { name, topicId, partitionResponses: await Promise.all(partitionData.map(append)) };
    }),
  );
  if (request.acks !== 0) return { responses, nodeEndpoints: leaders.endpoints };
  // With acks=0 there is no answer: Kafka ends the connection, so that the client refreshes its metadata.
  const hasFailed = responses.some(({ partitionResponses }) =>
    partitionResponses.some(({ errorCode }) => errorCode !== NONE),
  );
  if (hasFailed) context.closeAfter();
  return null;
};

/** What is wrong with the request as a whole. */
function refusalOf(request: Request<0>, { version }: Context): Refusal | null {
  if (version < messages.minServed) return refuse("UNSUPPORTED_FOR_MESSAGE_FORMAT");
  if (request.transactionalId !== null) return NO_TRANSACTIONS;
  return isAcks(request.acks) ? null : refuse("INVALID_REQUIRED_ACKS");
}

function isAcks(acks: number): acks is AppendRequest["acks"] {
  return acks === -1 || acks === 0 || acks === 1;
}

function settingsOf({ acks, timeoutMs }: Request<0>, { session, version }: Context): Settings {
  const { service } = session;
  const isShorter = acks === -1 && timeoutMs < service.config["request.timeout.ms"];
  return {
    acks: isAcks(acks) ? acks : 1,
    takesZstd: version >= ZSTD_SINCE,
    timeoutMs: isShorter ? Math.max(1, timeoutMs) : null,
  };
}

/** Makes the appends to one partition one after the other. */
async function inOrder(
  { appends }: Session,
  key: string,
  append: () => Promise<AppendOutcome>,
): Promise<Appended | AppendRefusal> {
  const before = appends.get(key);
  const made = before === undefined ? append() : before.then(append);
  const settled = made.then(({ settled: all }) => all).catch(() => null);
  appends.set(key, settled);
  void settled.then(() => {
    if (appends.get(key) === settled) appends.delete(key);
  });
  return (await made).outcome;
}

/** The answer, and when the append has really ended: the next one begins only then. */
interface AppendOutcome {
  readonly outcome: Appended | AppendRefusal;
  readonly settled: Promise<unknown>;
}

async function appendTo(
  session: Session,
  named: NamedTopic,
  { index, records }: PartitionData,
  { acks, takesZstd, timeoutMs }: Settings,
): Promise<AppendOutcome> {
  const topic = await session.namedTopic(named);
  if (!topic.ok) return at(topic);
  if (records === null || records.byteLength === 0) {
    return at(refuse("INVALID_RECORD", "There is no record batch."));
  }
  const batches = readRawBatches(records, topic.config, takesZstd);
  if (!batches.ok) return at(batches);
  if (!session.mayCall()) return at(refuse("THROTTLING_QUOTA_EXCEEDED"));
  const sending = appendBatches(session.service, topic, index, batches, {
    acks,
    repeatable: batches.sequenced,
    sparseSequences: false,
    ...(isById(named) && { sameTopic: true }),
  });
  const appended = sending.then((answer) => {
    const settled = session.settle(answer);
    return settled.ok || !isById(named) ? settled : ofTopicId(settled);
  });
  if (timeoutMs === null) return at(await appended);
  const outcome = (await within(timeoutMs, appended)) ?? refuse("REQUEST_TIMED_OUT");
  return { outcome, settled: appended };
}

function at(outcome: Appended | AppendRefusal): AppendOutcome {
  return { outcome, settled: Promise.resolve() };
}

function partitionAnswer(index: number, outcome: Appended | AppendRefusal): PartitionAnswer {
  if (!outcome.ok) {
    return {
      index,
      errorCode: codeOfProduce(outcome),
      baseOffset: -1,
      recordErrors: recordErrorsOf(outcome),
      errorMessage: outcome.message,
    };
  }
  const { baseOffset, logAppendTimeMs, logStartOffset } = outcome;
  return { index, errorCode: NONE, baseOffset, logAppendTimeMs, logStartOffset };
}

/** The records at fault (KIP-467): clients fail these, and may send the others again. */
function recordErrorsOf({ recordErrors = [] }: AppendRefusal): PartitionAnswer["recordErrors"] {
  return recordErrors.map(({ index, message }) => ({
    batchIndex: index,
    batchIndexErrorMessage: message,
  }));
}
