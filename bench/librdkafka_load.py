"""Load by librdkafka, through confluent-kafka: one job, a line of JSON, in the first argument; its figures as JSON on stdout."""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

WAIT_S = 20.0
POLL_S = 0.01
CONSUMED_AT_ONCE = 1_000
END_WAIT_MS = 5


def produce(job: dict[str, Any]) -> dict[str, float]:
    """As many records as are acknowledged, those of one batch to one partition, partitions in turn."""
    partitions, batch_records = job["partitions"], job["batchRecords"]
    producer = Producer(
        {
            "bootstrap.servers": f"127.0.0.1:{job['port']}",
            "acks": "all",
            "batch.num.messages": batch_records,
            # One batch under way and one that gathers for each partition.
            "queue.buffering.max.messages": 2 * partitions * batch_records,
        }
    )
    counts = {"records": 0, "failed": 0}

    def delivered(error: KafkaError | None, _: Message) -> None:
        counts["records" if error is None else "failed"] += 1

    value = b"v" * job["recordBytes"]

    def put(partition: int) -> None:
        while True:
            try:
                return producer.produce(job["topic"], value, partition=partition, on_delivery=delivered)
            except BufferError:
                producer.poll(POLL_S)

    # It connects to whoever leads a partition when it has something for it.
    for partition in range(partitions):
        put(partition)
    counts["failed"] += producer.flush(WAIT_S)
    counts["records"] = 0
    measured = measure()
    until = time.monotonic() + job["seconds"]
    partition = 0
    while time.monotonic() < until:
        for _ in range(batch_records):
            put(partition)
        producer.poll(0)
        partition = (partition + 1) % partitions
    counts["failed"] += producer.flush(WAIT_S)
    return counts | measured()


def consume(job: dict[str, Any]) -> dict[str, float]:
    """Partition 0 from its beginning, and again from there when it is at its end."""
    start = TopicPartition(job["topic"], 0, 0)
    consumer = Consumer(
        {
            "bootstrap.servers": f"127.0.0.1:{job['port']}",
            "group.id": "bench",
            "enable.auto.commit": False,
            # What it asks at the end of the log is in the way of what it asks from the beginning.
            "fetch.wait.max.ms": END_WAIT_MS,
        }
    )
    _, end = consumer.get_watermark_offsets(start, WAIT_S)
    consumer.assign([start])
    counts = {"records": 0, "failed": 0}

    def take(messages: list[Message]) -> None:
        for message in messages:
            counts["records" if message.error() is None else "failed"] += 1
        if messages and messages[-1].offset() == end - 1:
            consumer.seek(start)

    take(consumer.consume(1, WAIT_S))
    counts["records"] = 0
    measured = measure()
    until = time.monotonic() + job["seconds"]
    while time.monotonic() < until:
        take(consumer.consume(CONSUMED_AT_ONCE, POLL_S))
    figures = counts | measured()
    consumer.close()
    return figures


def measure() -> Callable[[], dict[str, float]]:
    """Begins to measure; what it returns ends it."""
    start, cpu = time.monotonic(), cpu_seconds()
    return lambda: {"seconds": time.monotonic() - start, "cpuSeconds": cpu_seconds() - cpu}


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


job = json.loads(sys.argv[1])
print(json.dumps({"produce": produce, "consume": consume}[job["action"]](job)))
