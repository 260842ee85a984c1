"""The driver of confluent-kafka, which is librdkafka's client for Python."""

import os
import threading
import time
import uuid
from typing import Any

import confluent_kafka
from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from driver import Refused, base64_of, bytes_of, member_handlers, serve, tell

WAIT_S = 20
POLL_S = 0.1
TELL_S = 0.5
# So that what is given at once is one batch.
LINGER_MS = 50
HEARTBEATS_IN_SESSION = 3

# What librdkafka calls otherwise than Kafka, or knows by itself.
CODES = {
    "_AUTHENTICATION": "SASL_AUTHENTICATION_FAILED",
    "TOPIC_ALREADY_EXISTS": "TOPIC_ALREADY_EXISTS",
    "UNKNOWN_TOPIC_OR_PART": "UNKNOWN_TOPIC_OR_PARTITION",
}

_authentication: list[KafkaError] = []


def _noticed(error: KafkaError) -> None:
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


def refused(error: KafkaError) -> Refused:
    if error.code() == KafkaError._TRANSPORT and _authentication:
        error = _authentication[0]
    return Refused(CODES.get(error.name(), error.name()), error.str())


def done(future: Any) -> Any:
    """The result of an administrative request."""
    try:
        return future.result(WAIT_S)
    except KafkaException as exception:
        raise refused(exception.args[0]) from exception


_admins: list[AdminClient] = []


def admin() -> AdminClient:
    """One for all: what a client of it has been asked ends with it."""
    if not _admins:
        _admins.append(AdminClient(settings()))
    return _admins[0]


def cluster_metadata() -> Any:
    """Of everything. A wrong key shows in a callback while this waits in vain."""
    client = admin()
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            return client.list_topics(timeout=2)
        except KafkaException as exception:
            client.poll(0)
            if _authentication or time.monotonic() > deadline:
                raise refused(exception.args[0]) from exception


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
    found = cluster_metadata()
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
    if producer.flush(WAIT_S) > 0:
        raise Refused("REQUEST_TIMED_OUT", "not everything was delivered")
    if errors:
        raise refused(errors[0])
    return {"offsets": offsets}


def reader() -> Consumer:
    """Reads what it is assigned by hand: its group is never joined, and nothing is committed."""
    return Consumer(settings(group_id=f"reader-{uuid.uuid4()}", enable_auto_commit=False))


def fetch(topic: str, partition: int, offset: int, count: int) -> dict[str, Any]:
    consumer = reader()
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        records: list[dict[str, Any]] = []
        while len(records) < count:
            for message in consumer.consume(count - len(records), POLL_S):
                if message.error() is not None:
                    raise refused(message.error())
                records.append(record_of(message))
        return {"records": records}
    finally:
        consumer.close()


def offset_for_time(topic: str, partition: int, timestamp: int) -> dict[str, Any]:
    consumer = reader()
    try:
        [found] = consumer.offsets_for_times(
            [TopicPartition(topic, partition, timestamp)], timeout=WAIT_S
        )
        return {"offset": found.offset if found.offset >= 0 else None}
    finally:
        consumer.close()


def watermarks(topic: str, partition: int) -> dict[str, Any]:
    consumer = reader()
    try:
        low, high = consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=WAIT_S
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
        self._positions: dict[tuple[str, int], int] = {}
        self._is_over = threading.Event()
        self._consumer.subscribe(
            topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        tell("assigned", partitions=[[part.topic, part.partition] for part in partitions])

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.unassign()
        tell("assigned", partitions=[])

    def _poll(self) -> None:
        while not self._is_over.is_set():
            for message in self._consumer.consume(100, POLL_S):
                if message.error() is not None:
                    tell("failed", error=f"{message.error().name()}: {message.error().str()}")
                    return
                topic, partition = message.topic(), message.partition()
                self._positions[topic, partition] = message.offset() + 1
                record = {"topic": topic, "partition": partition, **record_of(message)}
                tell("records", records=[record])

    def commit(self) -> None:
        offsets = [TopicPartition(*at, offset) for at, offset in self._positions.items()]
        try:
            committed = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as exception:
            raise refused(exception.args[0]) from exception
        for part in committed or []:
            if part.error is not None:
                raise refused(part.error)

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        self._consumer.close()


def group_offsets(group: str, topic: str, partitions: int) -> dict[str, Any]:
    consumer = Consumer(settings(group_id=group, enable_auto_commit=False))
    try:
        wanted = [TopicPartition(topic, partition) for partition in range(partitions)]
        found = consumer.committed(wanted, timeout=WAIT_S)
        return {
            "offsets": {
                str(part.partition): part.offset for part in found if part.offset != OFFSET_INVALID
            }
        }
    finally:
        consumer.close()


def list_groups() -> dict[str, Any]:
    return {"groups": [group.id for group in admin().list_groups(timeout=WAIT_S)]}


def stream(topic: str, partitions: int, count: int, perSecond: int) -> dict[str, Any]:
    producer = Producer(
        settings(enable_idempotence=True, linger_ms=5, delivery_timeout_ms=60_000)
    )
    results = {"acknowledged": 0, "failed": 0}

    def delivered(error: KafkaError | None, message: Message) -> None:
        results["failed" if error is not None else "acknowledged"] += 1

    started = time.monotonic()
    told = started
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
            if ahead <= 0:
                break
    while producer.flush(TELL_S) > 0:
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
        "groupOffsets": group_offsets,
        **member_handlers(Member),
        "stream": stream,
    }
)
