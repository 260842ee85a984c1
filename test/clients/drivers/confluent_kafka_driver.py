"""The driver of confluent-kafka, which is librdkafka's client for Python."""

import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import wait
from typing import Any, TypeVar

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from driver import Polling, Refused, base64_of, bytes_of, member_handlers, serve, tell

T = TypeVar("T")

WAIT_S = 20
STREAM_WAIT_S = 110
# How long a call may block in which no callback is served.
BLOCK_S = 5
POLL_S = 0.1
TELL_S = 0.5
# So that what is given at once is one batch.
LINGER_MS = 50
HEARTBEATS_IN_SESSION = 3

# What librdkafka calls otherwise than Kafka, or knows by itself.
CODES = {
    "INVALID_MSG": "CORRUPT_MESSAGE",
    "MSG_SIZE_TOO_LARGE": "MESSAGE_TOO_LARGE",
    "NOT_LEADER_FOR_PARTITION": "NOT_LEADER_OR_FOLLOWER",
    "TOPIC_EXCEPTION": "INVALID_TOPIC_EXCEPTION",
    "UNKNOWN_TOPIC_OR_PART": "UNKNOWN_TOPIC_OR_PARTITION",
    "_AUTO_OFFSET_RESET": "OFFSET_OUT_OF_RANGE",
    "_MSG_TIMED_OUT": "REQUEST_TIMED_OUT",
    "_TIMED_OUT": "REQUEST_TIMED_OUT",
    "_UNKNOWN_PARTITION": "UNKNOWN_TOPIC_OR_PARTITION",
    "_UNKNOWN_TOPIC": "UNKNOWN_TOPIC_OR_PARTITION",
}

# Of these librdkafka says nothing else: it goes on trying.
OUT_OF_REACH = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._TRANSPORT)

_authentication: list[KafkaError] = []


def _noticed(error: KafkaError) -> None:
    """A refused key shows only in this callback; every other call waits until it times out."""
    if error.code() == KafkaError._AUTHENTICATION:
        _authentication.append(error)


def settings(**more: Any) -> dict[str, Any]:
    """How every client is configured; options' underscores stand for their dots."""
    own: dict[str, Any] = {"bootstrap.servers": os.environ["BOOTSTRAP"], "error_cb": _noticed}
    if "SASL_PASSWORD" in os.environ:
        own |= {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": os.environ.get("SASL_USERNAME", ""),
            "sasl.password": os.environ["SASL_PASSWORD"],
        }
    return own | {name.replace("_", "."): value for name, value in more.items()}


def named(error: Exception) -> Exception:
    if not isinstance(error, KafkaException):
        return error
    inner: KafkaError = error.args[0]
    return Refused(CODES.get(inner.name(), inner.name()), inner.str())


def go_on(deadline: float, missing: str) -> None:
    """Between two turns of waiting: refuses when there is nothing left to wait for."""
    if _authentication:
        raise Refused("SASL_AUTHENTICATION_FAILED", _authentication[0].str())
    if time.monotonic() > deadline:
        raise Refused("REQUEST_TIMED_OUT", missing)


def asked(client: AdminClient | Consumer, ask: Callable[[float], T]) -> T:
    """The answer to what blocks its caller for at most so many seconds."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return ask(BLOCK_S)
        except KafkaException as exception:
            if exception.args[0].code() not in OUT_OF_REACH:
                raise
            client.poll(POLL_S)
            go_on(deadline, exception.args[0].str())


_admins: list[AdminClient] = []


def admin() -> AdminClient:
    """One for all: what a client of it has been asked ends with it."""
    if not _admins:
        _admins.append(AdminClient(settings()))
    return _admins[0]


def done(future: Any) -> Any:
    """The result of an administrative request."""
    deadline = time.monotonic() + WAIT_S
    while not wait([future], POLL_S).done:
        admin().poll(0)
        go_on(deadline, "there was no answer")
    return future.result()


def record_of(message: Message) -> dict[str, Any]:
    return {
        "offset": message.offset(),
        "key": base64_of(message.key()),
        "value": base64_of(message.value()),
        "headers": [[name, base64_of(value) or ""] for name, value in message.headers() or []],
        "timestamp": message.timestamp()[1],
    }


def hello() -> dict[str, Any]:
    library = confluent_kafka.libversion()[0]
    features = ["metadata", "produce", "acks", "idempotence", "gzip", "snappy", "lz4", "zstd"]
    features += ["fetch", "seek by time", "group", "commit", "topics", "configs", "partitions"]
    return {
        "version": f"{confluent_kafka.version()[0]} (librdkafka {library})",
        "features": [*features, "SASL"],
    }


def metadata() -> dict[str, Any]:
    client = admin()
    found = asked(client, lambda timeout_s: client.list_topics(timeout=timeout_s))
    return {
        "brokers": [
            {"id": broker.id, "host": broker.host, "port": broker.port}
            for broker in found.brokers.values()
        ],
        "topics": {name: len(topic.partitions) for name, topic in found.topics.items()},
    }


def produce(
    topic: str,
    partition: int,
    records: list[dict[str, Any]],
    compression: str,
    acks: int,
    idempotent: bool,
) -> dict[str, Any]:
    producer = Producer(
        settings(
            compression_type=compression,
            acks=acks,
            enable_idempotence=idempotent,
            linger_ms=LINGER_MS,
        )
    )
    offsets: list[int | None] = [None] * len(records)
    errors: list[KafkaError] = []

    def delivered(index: int) -> Any:
        def note(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                errors.append(error)
            elif acks != 0:
                offsets[index] = message.offset()

        return note

    for index, record in enumerate(records):
        timestamp = {} if record["timestamp"] is None else {"timestamp": record["timestamp"]}
        producer.produce(
            topic,
            partition=partition,
            key=bytes_of(record["key"]),
            value=bytes_of(record["value"]),
            headers=[(name, bytes_of(value)) for name, value in record["headers"]],
            on_delivery=delivered(index),
            **timestamp,
        )
    deadline = time.monotonic() + WAIT_S
    while producer.flush(POLL_S) > 0:
        go_on(deadline, "not everything was delivered")
    if errors:
        raise KafkaException(errors[0])
    return {"offsets": offsets}


def reader() -> Consumer:
    """Reads what it is assigned by hand: its group is never joined, and nothing is committed."""
    return Consumer(
        settings(
            group_id=f"reader-{uuid.uuid4()}", enable_auto_commit=False, auto_offset_reset="error"
        )
    )


def fetch(topic: str, partition: int, offset: int, count: int) -> dict[str, Any]:
    consumer = reader()
    deadline = time.monotonic() + WAIT_S
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        records: list[dict[str, Any]] = []
        while len(records) < count:
            for message in consumer.consume(count - len(records), POLL_S):
                if message.error() is not None:
                    raise KafkaException(message.error())
                records.append(record_of(message))
            go_on(deadline, f"{len(records)} of {count} records have come")
        return {"records": records}
    finally:
        consumer.close()


def offset_for_time(topic: str, partition: int, timestamp: int) -> dict[str, Any]:
    consumer = reader()
    try:
        wanted = [TopicPartition(topic, partition, timestamp)]
        [found] = asked(consumer, lambda timeout_s: consumer.offsets_for_times(wanted, timeout_s))
        if found.error is not None:
            raise KafkaException(found.error)
        return {"offset": found.offset if found.offset >= 0 else None}
    finally:
        consumer.close()


def watermarks(topic: str, partition: int) -> dict[str, Any]:
    consumer = reader()
    try:
        place = TopicPartition(topic, partition)
        low, high = asked(
            consumer, lambda timeout_s: consumer.get_watermark_offsets(place, timeout_s)
        )
        return {"low": low, "high": high}
    finally:
        consumer.close()


# snake_case would hide that these are the protocol's own names.
def create_topic(
    topic: str, partitions: int, replicationFactor: int, configs: dict[str, str]
) -> dict[str, Any]:
    new = NewTopic(
        topic, num_partitions=partitions, replication_factor=replicationFactor, config=configs
    )
    done(admin().create_topics([new])[topic])
    return {}


def create_partitions(topic: str, total: int) -> dict[str, Any]:
    done(admin().create_partitions([NewPartitions(topic, total)])[topic])
    return {}


def describe_topic(topic: str) -> dict[str, Any]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    entries = done(admin().describe_configs([resource])[resource])
    return {"configs": {name: entry.value for name, entry in entries.items()}}


def alter_topic(topic: str, configs: dict[str, str]) -> dict[str, Any]:
    """The old way to alter, which replaces everything: what is set is read first."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    entries = done(admin().describe_configs([resource])[resource])
    kept = {name: entry.value for name, entry in entries.items() if not entry.is_default}
    wanted = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config=kept | configs)
    done(admin().alter_configs([wanted])[wanted])
    return {}


def delete_topic(topic: str) -> dict[str, Any]:
    done(admin().delete_topics([topic])[topic])
    return {}


class Member:
    """A member of a group: polls in a thread of its own."""

    def __init__(self, group: str, topics: list[str], session_timeout_ms: int) -> None:
        self._consumer = Consumer(
            settings(
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                session_timeout_ms=session_timeout_ms,
                heartbeat_interval_ms=session_timeout_ms // HEARTBEATS_IN_SESSION,
            )
        )
        self._owned: set[tuple[str, int]] = set()
        # What is committed is what was told.
        self._telling = threading.Lock()
        self._positions: dict[tuple[str, int], int] = {}
        self._consumer.subscribe(
            topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        self._polling = Polling(self._poll)

    # Told of all by an eager assignor, of changes by a cooperative one. The client itself assigns.
    def _assigned(self, _: Consumer, places: list[TopicPartition]) -> None:
        self._owned |= {(place.topic, place.partition) for place in places}
        tell("assigned", partitions=sorted(self._owned))

    def _revoked(self, _: Consumer, places: list[TopicPartition]) -> None:
        self._owned -= {(place.topic, place.partition) for place in places}
        tell("assigned", partitions=sorted(self._owned))

    def _poll(self) -> None:
        for message in self._consumer.consume(100, POLL_S):
            if message.error() is None:
                self._read(message)
            # The client goes on looking for a topic that is not there.
            elif message.error().code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise KafkaException(message.error())
        if _authentication:
            raise KafkaException(_authentication[0])

    def _read(self, message: Message) -> None:
        topic, partition = message.topic(), message.partition()
        with self._telling:
            record = {"topic": topic, "partition": partition, **record_of(message)}
            tell("records", records=[record])
            self._positions[topic, partition] = message.offset() + 1

    def commit(self) -> None:
        with self._telling:
            # What it has lost is not its own to commit.
            mine = {at: self._positions[at] for at in self._positions.keys() & self._owned}
            offsets = [TopicPartition(*at, offset) for at, offset in mine.items()]
        if not offsets:
            return
        for place in self._consumer.commit(offsets=offsets, asynchronous=False):
            if place.error is not None:
                raise KafkaException(place.error)

    def close(self) -> None:
        self._polling.end()
        self._consumer.close()


def group_offsets(group: str, topic: str, partitions: int) -> dict[str, Any]:
    consumer = Consumer(settings(group_id=group, enable_auto_commit=False))
    try:
        wanted = [TopicPartition(topic, partition) for partition in range(partitions)]
        found = asked(consumer, lambda timeout_s: consumer.committed(wanted, timeout_s))
        return {
            "offsets": {str(place.partition): place.offset for place in found if place.offset >= 0}
        }
    finally:
        consumer.close()


def list_groups() -> dict[str, Any]:
    client = admin()
    found = asked(client, lambda timeout_s: client.list_groups(timeout=timeout_s))
    return {"groups": [group.id for group in found]}


def describe_group(group: str) -> dict[str, Any]:
    client = admin()
    listed = asked(client, lambda timeout_s: client.list_groups(group, timeout_s))
    if not listed:
        raise Refused("GROUP_ID_NOT_FOUND", f"{group} is not listed")
    [found] = listed
    return {"state": found.state, "members": len(found.members), "protocol": found.protocol}


def stream(topic: str, partitions: int, count: int, perSecond: int) -> dict[str, Any]:
    producer = Producer(settings(enable_idempotence=True, linger_ms=5, delivery_timeout_ms=60_000))
    results = {"acknowledged": 0, "failed": 0}

    def delivered(error: KafkaError | None, message: Message) -> None:
        results["failed" if error is not None else "acknowledged"] += 1

    started = time.monotonic()
    told = started
    deadline = started + STREAM_WAIT_S
    for number in range(count):
        producer.produce(
            topic, value=str(number).encode(), partition=number % partitions, on_delivery=delivered
        )
        while True:
            now = time.monotonic()
            if now - told > TELL_S:
                told = now
                tell("acknowledged", count=results["acknowledged"])
            ahead = started + (number + 1) / perSecond - now
            producer.poll(max(0.0, min(ahead, TELL_S)))
            go_on(deadline, f"{results} of {count}")
            if ahead <= 0:
                break
    while producer.flush(TELL_S) > 0:
        go_on(deadline, f"{results} of {count}")
        tell("acknowledged", count=results["acknowledged"])
    tell("acknowledged", count=results["acknowledged"])
    return {"failed": results["failed"]}


serve(
    {
        "hello": hello,
        "metadata": metadata,
        "produce": produce,
        "fetch": fetch,
        "offsetForTime": offset_for_time,
        "watermarks": watermarks,
        "createTopic": create_topic,
        "createPartitions": create_partitions,
        "alterTopic": alter_topic,
        "describeTopic": describe_topic,
        "deleteTopic": delete_topic,
        "listGroups": list_groups,
        "describeGroup": describe_group,
        "groupOffsets": group_offsets,
        **member_handlers(Member),
        "stream": stream,
    },
    named,
)
