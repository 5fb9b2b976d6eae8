#!/usr/bin/env python3
"""Reads a Backstay store with nothing but Python's standard library. Written from docs/format.md and docs/tail.md alone.

It is the proof that these pages are enough: a test runs it beside the library and compares (FormatReaderTests.swift).

    read_store.py STORE          the state: one line per entry, as hex
    read_store.py --log STORE    the records of the log

Exit status: 0 read and every check held; 1 a check failed (what and where on stderr); 2 usage.
Nothing is written. Checks, in this order: format numbers, store id, chain of every record, sync mark, checkpoint
position, hash of every row, digest. The tail is not checked but searched: what continues the log in it counts.
"""
import fcntl
import os
import sqlite3
import struct
import sys
import urllib.parse
import uuid


class Damaged(Exception):
    pass


# Checksums ------------------------------------------------------------------------------------------------------------

def _crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc32c_table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def masked(crc):
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


_M = 0xFFFFFFFFFFFFFFFF
_P1, _P2, _P3, _P4, _P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                           0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def _rotl(x, n):
    return ((x << n) | (x >> (64 - n))) & _M


def _round(lane, word):
    return _rotl((lane + word * _P2) & _M, 31) * _P1 & _M


def xxh64(data):
    at, size = 0, len(data)
    if size >= 32:
        lanes = [(_P1 + _P2) & _M, _P2, 0, -_P1 & _M]
        while at + 32 <= size:
            for i in range(4):
                lanes[i] = _round(lanes[i], struct.unpack_from("<Q", data, at + 8 * i)[0])
            at += 32
        h = (_rotl(lanes[0], 1) + _rotl(lanes[1], 7) + _rotl(lanes[2], 12) + _rotl(lanes[3], 18)) & _M
        for lane in lanes:
            h = ((h ^ _round(0, lane)) * _P1 + _P4) & _M
    else:
        h = _P5
    h = (h + size) & _M
    while at + 8 <= size:
        h = (_rotl(h ^ _round(0, struct.unpack_from("<Q", data, at)[0]), 27) * _P1 + _P4) & _M
        at += 8
    if at + 4 <= size:
        h = (_rotl(h ^ (struct.unpack_from("<I", data, at)[0] * _P1 & _M), 23) * _P2 + _P3) & _M
        at += 4
    while at < size:
        h = _rotl(h ^ (data[at] * _P5 & _M), 11) * _P1 & _M
        at += 1
    h = (h ^ (h >> 33)) * _P2 & _M
    h = (h ^ (h >> 29)) * _P3 & _M
    return h ^ (h >> 32)


# Records --------------------------------------------------------------------------------------------------------------

def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data, at):
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def read_piece(data, at):
    size, at = read_varint(data, at)
    if at + size > len(data):
        raise Damaged("an operation is longer than its record")
    return data[at:at + size], at + size


def operations(body):
    """Yields (is_set, name, key, kind, value)."""
    at = 0
    while at < len(body):
        code = body[at]
        if code not in (1, 2):
            raise Damaged(f"operation code {code} is not known")
        name, at = read_piece(body, at + 1)
        key, at = read_piece(body, at)
        kind, value = 0, b""
        if code == 1:
            kind = body[at]
            value, at = read_piece(body, at + 1)
        yield code == 1, name, key, kind, value


def records(first, batch, chain):
    """Checks one row's batch. `chain` is {lsn, crc, epoch} before it, and behind it afterwards."""
    if first != chain["lsn"] + 1:
        raise Damaged(f"LSN {chain['lsn'] + 1} to {first - 1} are missing")
    if len(batch) < 16 or batch[:4] != b"\1\0\0\0":
        raise Damaged(f"LSN {first}: the batch has no valid header")
    count, epoch = struct.unpack_from("<IQ", batch, 4)
    at, lsn = 16, first
    for index in range(count):
        if at + 8 >= len(batch):
            raise Damaged(f"LSN {lsn}: the batch ends early")
        length, stored = struct.unpack_from("<II", batch, at)
        content = batch[at + 8:at + 8 + length]
        if length < 1 or len(content) != length:
            raise Damaged(f"LSN {lsn}: the record is longer than its batch")
        head = struct.pack("<IIQQ", masked(chain["crc"]), length, epoch, lsn)
        if crc32c(content, crc32c(head)) != stored:
            raise Damaged(f"LSN {lsn}: the checksum does not continue the chain")
        kind = content[0]
        if kind not in (1, 2, 3):
            raise Damaged(f"LSN {lsn}: record kind {kind} is not known")
        if epoch != chain["epoch"] and not (index == 0 and kind == 1):
            raise Damaged(f"LSN {lsn}: the epoch changes without a run record")
        chain.update(lsn=lsn, crc=stored, epoch=epoch)
        yield lsn, kind, content[1:], stored
        at += 8 + length
        lsn += 1
    if at != len(batch) or count == 0:
        raise Damaged(f"LSN {lsn}: bytes behind the last record")


# The folder -----------------------------------------------------------------------------------------------------------

KINDS = {1: "int", 2: "uint", 3: "double", 4: "bool", 5: "string", 6: "bytes", 7: "date", 8: "uuid", 9: "json"}
NUMBERS = {name: number for number, name in KINDS.items()}


def open_database(path, is_live):
    quoted = "file:" + urllib.parse.quote(path)
    if is_live:
        connection = sqlite3.connect(quoted + "?mode=ro", uri=True, isolation_level=None)
    elif os.path.exists(path + "-wal") and os.path.getsize(path + "-wal") > 0:
        connection = sqlite3.connect(quoted + "?mode=ro&vfs=unix-none", uri=True, isolation_level=None)
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    else:
        connection = sqlite3.connect(quoted + "?immutable=1", uri=True, isolation_level=None)
    connection.text_factory = bytes
    connection.execute("BEGIN")
    application, = connection.execute("PRAGMA application_id").fetchone()
    version, = connection.execute("PRAGMA user_version").fetchone()
    if application != 0x42535459:
        raise Damaged(f"{path} is not a database of Backstay")
    if version > 1:
        raise Damaged(f"{path} has format {version}; this reader knows 1")
    return connection, {k.decode(): v for k, v in connection.execute("SELECT key,value FROM meta")}


def unsigned(number):
    return number & _M


def sync_mark(folder):
    """Returns {hash of the store's id: mark}; read before the log, which must reach it."""
    try:
        page = open(folder + "/run", "rb").read(4096)
    except FileNotFoundError:
        return {}
    if len(page) < 4096 or page[:8] != b"BKSTYRUN":
        return {}
    version, crc = struct.unpack_from("<II", page, 8)
    if version != 1 or crc != crc32c(page[16:128]):
        return {}
    slots = [struct.unpack_from("<QQ", page, at) for at in (192, 208)]
    marks = [mark for mark, complement in slots if mark == complement ^ _M]
    return {struct.unpack_from("<Q", page, 104)[0]: max(marks, default=0)}


def read_tail(folder):
    """The file as it is now; read before the log, which has what is overwritten meanwhile."""
    try:
        with open(os.open(folder + "/tail", os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(4096 + (64 << 20))
    except OSError:
        return b""


def tail_records(tail, store_id, end):
    """Yields the records, header and all, that continue the log at `end`; none where the tail is no tail of this run."""
    if len(tail) < 4096 or tail[:8] != b"BKSTTAIL":
        return
    version, crc, epoch, store, capacity = struct.unpack_from("<IIQQQ", tail, 8)
    if version != 1 or crc != crc32c(tail[16:64]) or store != xxh64(store_id) or epoch != end["epoch"]:
        return
    if capacity & (capacity - 1) or not 64 << 10 <= capacity <= 64 << 20 or len(tail) < 4096 + capacity:
        return
    data = tail[4096:4096 + capacity]
    # The anchor with the greatest LSN that is not behind the record that comes next.
    best = None
    for segment in range(16):
        position, lsn, before, check = struct.unpack_from("<QQII", tail, 128 + 32 * segment)
        words = struct.pack("<QQQQ", epoch, position, lsn, masked(before))
        if check == crc32c(words) and position % 8 == 0 and 0 < lsn <= end["lsn"] + 1 and (not best or lsn > best[1]):
            best = position, lsn, before
    if not best:
        return
    at, lsn, before = best
    stop = at + capacity
    if lsn == end["lsn"] + 1 and before != end["crc"]:
        return
    while at < stop:
        place = at % capacity
        length, stored = struct.unpack_from("<II", data, place)
        if length == 0xFFFFFFFF and place > 0:
            at += capacity - place
            continue
        if length < 1 or place + 8 + length > capacity:
            return
        content = data[place + 8:place + 8 + length]
        if crc32c(content, crc32c(struct.pack("<IIQQ", masked(before), length, epoch, lsn))) != stored:
            return
        if lsn == end["lsn"] and stored != end["crc"]:
            return
        if lsn > end["lsn"]:
            yield data[place:place + 8 + length]
        before = stored
        lsn += 1
        at += (8 + length + 7) // 8 * 8


def stored_bytes(kind, value):
    """From a column of `state` to the bytes of a value."""
    if kind == "int":
        return struct.pack("<q", value)
    if kind == "uint":
        return struct.pack("<Q", int(value))
    if kind in ("double", "date"):
        return struct.pack("<d", value)
    if kind == "bool":
        return bytes([value])
    if kind == "uuid":
        return uuid.UUID(value.decode()).bytes
    return value


def row_hash(name, key, kind, value):
    operation = b"\x01" + varint(len(name)) + name + varint(len(key)) + key
    return xxh64(operation + bytes([NUMBERS[kind]]) + varint(len(value)) + value)


def load(folder, each_record=None):
    """Returns (state as {(name, key): (kind, value)}, {lsn, crc, epoch})."""
    lock = open(folder + "/lock", "rb")
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        is_live = False
    except BlockingIOError:
        is_live = True
    mark = sync_mark(folder)
    tail = read_tail(folder)
    journal, meta = open_database(folder + "/journal.db", is_live)
    table, state_meta = open_database(folder + "/state.db", is_live)
    if meta["store_id"] != state_meta["store_id"]:
        raise Damaged("the two databases belong to different stores")

    state, digest = {}, 0
    for name, key, kind, value, crc in table.execute("SELECT name,key,type,value,crc FROM state ORDER BY name,key"):
        kind = kind.decode()
        value = stored_bytes(kind, value)
        if row_hash(name, key, kind, value) != unsigned(crc):
            raise Damaged(f"state.db, key {key!r}: the row does not match its checksum")
        state[name, key] = kind, value
        digest = (digest + unsigned(crc)) & _M
    if len(state) != state_meta["rows"] or digest != unsigned(state_meta["digest"]):
        raise Damaged("state.db: rows or digest do not match")

    chain = {"lsn": unsigned(meta["base_lsn"]), "crc": meta["base_chain"], "epoch": unsigned(meta["base_epoch"])}
    if meta["base_lsn"] == 0 and meta["base_chain"] != crc32c(meta["store_id"]):
        raise Damaged("journal.db: the log does not begin at its store's id")
    checkpoint = state_meta["checkpoint_lsn"]
    if checkpoint < chain["lsn"]:
        raise Damaged("records between the state and the log are missing")
    if checkpoint == chain["lsn"] and state_meta["checkpoint_chain"] != chain["crc"]:
        raise Damaged("state and log do not belong together")
    mark = mark.get(xxh64(meta["store_id"]), 0)

    def take(first, batch):
        for lsn, kind, body, stored in records(first, batch, chain):
            if lsn == checkpoint and stored != state_meta["checkpoint_chain"]:
                raise Damaged(f"LSN {lsn}: state and log do not belong together")
            if each_record:
                each_record(lsn, chain["epoch"], kind, body, stored)
            if kind != 2 or lsn <= checkpoint:
                continue
            for is_set, name, key, value_kind, value in operations(body):
                if is_set:
                    state[name, key] = KINDS[value_kind], value
                else:
                    state.pop((name, key), None)

    for first, last, crc, batch in journal.execute(
            "SELECT first_lsn,last_lsn,chain,records FROM journal WHERE first_lsn>? ORDER BY first_lsn",
            (meta["base_lsn"],)):
        take(first, batch)
        if chain["lsn"] != last or chain["crc"] != crc:
            raise Damaged(f"LSN {last}: the row's numbers are not those of its records")
    rest = list(tail_records(tail, meta["store_id"], chain))
    if rest:
        take(chain["lsn"] + 1, struct.pack("<IIQ", 1, len(rest), chain["epoch"]) + b"".join(rest))
    if chain["lsn"] < mark:
        raise Damaged(f"the log ends at LSN {chain['lsn']}, but everything up to LSN {mark} was made durable")
    if checkpoint > chain["lsn"]:
        if not is_live:
            raise Damaged(f"the state is as of LSN {checkpoint}, but the log ends at LSN {chain['lsn']}")
        chain.update(lsn=checkpoint, crc=state_meta["checkpoint_chain"], epoch=unsigned(state_meta["checkpoint_epoch"]))
    return state, chain


def main(arguments):
    shows_log = arguments[:1] == ["--log"]
    if shows_log:
        arguments = arguments[1:]
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    lines = []

    def show(lsn, epoch, kind, body, crc):
        lines.append(f"record {lsn} {epoch:016x} {kind} {crc:08x} {body.hex() or '-'}")

    try:
        state, chain = load(arguments[0], show if shows_log else None)
    except (Damaged, sqlite3.DatabaseError, KeyError, IndexError, ValueError, struct.error) as error:
        print(f"damaged: {error}", file=sys.stderr)
        return 1
    if not shows_log:
        lines.append(f"lsn {chain['lsn']} {chain['crc']:08x}")
        for (name, key), (kind, value) in sorted(state.items()):
            lines.append(f"entry {name.hex() or '-'} {key.hex()} {kind} {value.hex() or '-'}")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
