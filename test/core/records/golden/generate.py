"""Writes the golden files of this folder: what other people's encoders make of known bytes.

    pip install kafka-python==2.0.2 python-snappy lz4 zstandard
    python3 generate.py

The blocks and frames hold what `goldenPlain` in ../support.ts makes too; batch-*.bin are record batches of
kafka-python with the 20 records that `goldenRecords` in ../support.ts describes.
"""

import os
import struct

import lz4.frame
import snappy
from kafka.record.default_records import DefaultRecordBatchBuilder

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


def plain():
    """150,000 bytes that repeat at many distances, with a stretch that does not."""
    state = 1
    noise = bytearray()
    for _ in range(300):
        state = (state * 1103515245 + 12345) % 2**31
        noise.append(state >> 16 & 0xFF)
    words = [bytes(noise[i : i + 7]) for i in range(0, 280, 7)]
    out = bytearray(noise)
    i = 0
    while len(out) < 150_000:
        out += words[i * i % 40] if i % 97 else b"\0" * 500
        i += 1
    return bytes(out[:150_000])


def xerial(data, block_bytes):
    blocks = [data[i : i + block_bytes] for i in range(0, len(data), block_bytes)]
    out = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    for block in blocks:
        packed = snappy.compress(block)
        out += struct.pack(">i", len(packed)) + packed
    return out


def batch(codec, base_offset):
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1_000_000)
    for i in range(20):
        key = None if i % 3 == 0 else b"key-%d" % i
        value = None if i % 7 == 6 else b"value " * i
        headers = [("h%d" % j, None if j == 1 else b"x" * j) for j in range(i % 4)]
        builder.append(i, 1_700_000_000_000 + (i * 37 % 11 - 5) * 1000, key, value, headers)
    return bytes(builder.build())


data = plain()
write("raw.snappy", snappy.compress(data))
write("xerial.snappy", xerial(data, 32768))
write("linked-checked.lz4", lz4.frame.compress(
    data, block_linked=True, content_checksum=True, block_checksum=True, store_size=True))
write("independent.lz4", lz4.frame.compress(
    data, block_linked=False, block_size=lz4.frame.BLOCKSIZE_MAX64KB, store_size=False))
for name, codec in [("none", 0), ("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)]:
    write("batch-%s.bin" % name, batch(codec, 0))
