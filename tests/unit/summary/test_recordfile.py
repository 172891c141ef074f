"""Framing of event files: against bytes computed bit by bit, and against every way of damaging them."""

from __future__ import annotations

import struct
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.summary import recordfile
from explainer.summary.recordfile import LARGEST_PAYLOAD, Damage, Frame, frame, read_frames

PAYLOADS = (b"abc", b"", bytes(range(40)), b"\x00" * 7)
FILE = b"".join(frame(payload) for payload in PAYLOADS)
STARTS = (0, 19, 35, 91, 114)  # 16 bytes around each payload; the last one is the end of the file
HEADER = 12

STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=200)


def crc32c(data: bytes) -> int:
    """CRC-32C one bit after the other, as its polynomial defines it (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def framed(length: int, payload: bytes) -> bytes:
    """A frame whose length field says `length`, both checksums right."""
    field = length.to_bytes(8, "little")
    checksums = [masked(crc32c(part)).to_bytes(4, "little") for part in (field, payload)]
    return field + checksums[0] + payload + checksums[1]


def frames_of(data: bytes) -> list[Frame]:
    return list(read_frames(BytesIO(data)))


class CountingFile(BytesIO):
    """Remembers how much was asked for at once."""

    largest_read = 0
    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.largest_read = max(self.largest_read, size or 0)
        found = super().read(size)
        self.bytes_read += len(found)
        return found


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"123456789", 0xE3069283),
        (b"\x00" * 32, 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_a_frame_carries_the_masked_crc_of_the_published_test_vectors(data, crc):
    assert crc32c(data) == crc  # the replica itself
    assert struct.unpack("<I", frame(data)[-4:])[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_a_frame_has_the_bytes_computed_by_hand():
    # crc32c("123456789") = e3069283; rotated right by 15: 2507c60d; plus a282ead8: c78ab0e5
    # crc32c(09 00 .. 00) = 872fcb77; rotated right by 15: 96ef0e5f; plus a282ead8: 3971f937
    assert frame(b"123456789").hex() == "0900000000000000" + "37f97139" + "313233343536373839" + "e5b08ac7"


@pytest.mark.parametrize("payload", [*PAYLOADS, b"q" * 70_000])
def test_a_frame_equals_the_slow_replica(payload):
    assert frame(payload) == framed(len(payload), payload)


def test_a_file_has_the_bytes_of_mindspores_own_writer(tmp_path: Path):
    writers = pytest.importorskip("mindspore.train.summary.writer", reason="MindSpore without summaries")
    writer = writers.BaseWriter(str(tmp_path / "events"))
    for payload in PAYLOADS:
        writer.write("explainer", payload)
    writer.flush()
    writer.close()
    assert (tmp_path / "events").read_bytes() == FILE


def test_frames_come_back_in_order_with_their_offsets():
    assert frames_of(FILE) == [Frame(start, payload) for start, payload in zip(STARTS[:-1], PAYLOADS, strict=True)]


def test_an_empty_file_has_no_frames_and_no_damage():
    assert frames_of(b"") == []


def test_a_file_cut_at_any_byte_gives_all_whole_frames_and_says_truncated():
    for cut in range(len(FILE) + 1):
        whole = [start for start in STARTS[1:] if start <= cut]
        expected = [Frame(start, payload) for start, payload in zip(STARTS, PAYLOADS, strict=False)][: len(whole)]
        if cut not in STARTS:  # between two frames nothing shows that there was more
            expected.append(Frame(max(start for start in STARTS if start < cut), damage=Damage.TRUNCATED))
        assert frames_of(FILE[:cut]) == expected, f"cut at {cut}"


def test_every_flipped_bit_is_found_and_costs_its_frame_alone():
    for bit in range(len(FILE) * 8):
        place = bit // 8
        flipped = bytearray(FILE)
        flipped[place] ^= 1 << bit % 8
        hit = max(number for number, start in enumerate(STARTS[:-1]) if start <= place)
        in_header = place < STARTS[hit] + HEADER
        expected = [Frame(start, payload) for start, payload in zip(STARTS, PAYLOADS, strict=False)]
        expected[hit] = Frame(STARTS[hit], damage=Damage.BAD_LENGTH if in_header else Damage.BAD_DATA)
        assert frames_of(bytes(flipped)) == expected, f"bit {bit}"


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 10_000_000_000, LARGEST_PAYLOAD + 1])
def test_a_length_beyond_the_limit_is_refused_before_anything_is_read_for_it(length):
    file = CountingFile(frame(b"before") + framed(length, b"content"))
    tracemalloc.start()
    try:
        frames = list(read_frames(file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert frames == [Frame(0, b"before"), Frame(22, damage=Damage.BAD_LENGTH)]
    assert file.largest_read == recordfile._FIRST_SCANNED + HEADER - 1  # the search for the next frame
    assert peak < 100_000  # bytes; the file itself has 45


def test_the_longest_allowed_length_is_taken_at_its_word():
    assert frames_of(framed(LARGEST_PAYLOAD, b"too short")) == [Frame(0, damage=Damage.TRUNCATED)]


def test_reading_goes_on_at_the_next_complete_frame_behind_a_damaged_length():
    wrong = bytearray(frame(b"abc"))
    wrong[0] ^= 1
    behind = [Frame(len(wrong) + start, payload) for start, payload in zip(STARTS[:-1], PAYLOADS, strict=True)]
    assert frames_of(bytes(wrong) + FILE) == [Frame(0, damage=Damage.BAD_LENGTH), *behind]


def test_reading_goes_on_behind_a_frame_that_was_cut_and_written_after():
    """A run that was killed in the middle of a record, and gone on with in the same file."""
    cut = frame(b"a record that was never finished")[:-7]
    behind = [Frame(len(cut) + start, payload) for start, payload in zip(STARTS[:-1], PAYLOADS, strict=True)]
    found = frames_of(cut + FILE)
    assert found[0].damage in (Damage.TRUNCATED, Damage.BAD_DATA)
    assert found[1:] == behind


def test_frames_are_found_across_the_blocks_in_which_they_are_looked_for(monkeypatch):
    monkeypatch.setattr(recordfile, "_SCANNED", 5)
    wrong = bytearray(frame(b"abc"))
    wrong[9] ^= 1
    assert [found.payload for found in frames_of(bytes(wrong) + FILE)][1:] == list(PAYLOADS)


def test_made_up_headers_cannot_make_reading_take_long(monkeypatch):
    """Each promises all that follows; to try every one would take the square of their number."""
    monkeypatch.setattr(recordfile, "_TRIED", 10_000)
    count = 400
    headers = b"".join(framed(16 * (count - number - 1), b"") for number in range(count))
    file = CountingFile(b"\x01" * HEADER + headers)
    assert [found.damage for found in read_frames(file)] == [Damage.BAD_LENGTH, Damage.GIVEN_UP]
    assert file.bytes_read < 100_000


@pytest.mark.parametrize("promised", [1.5, 0.5])
def test_a_made_up_header_before_each_good_record_costs_no_square_either(monkeypatch, promised):
    """It promises half of the file, or more than there is, and is followed by a good record."""
    monkeypatch.setattr(recordfile, "_TRIED", 100_000)
    count, room = 1000, len(framed(0, b"") + frame(b"good"))
    length = int(promised * count) * room + 5  # so that no record begins where it would end
    file = CountingFile((framed(length, b"") + frame(b"good")) * count)
    found = list(read_frames(file))
    assert file.bytes_read < 2_000_000  # the square would be 18 MB
    if promised > 1:
        assert sum(frame.damage is None for frame in found) == count
    else:
        assert found[-1].damage is Damage.GIVEN_UP


def test_damage_before_each_good_record_is_read_in_little_more_than_the_file_s_length():
    content = (b"\xff" * 13 + frame(b"good")) * 2000
    file = CountingFile(content)
    assert [found.damage for found in read_frames(file)] == [Damage.BAD_LENGTH, None] * 2000
    assert file.bytes_read < 20 * len(content)


def test_a_file_that_grows_while_it_is_read_is_read_to_its_new_end():
    file = BytesIO(FILE)
    frames = read_frames(file)
    first = next(frames)
    at = file.tell()
    file.seek(0, 2)
    file.write(frame(b"later"))
    file.seek(at)
    assert [first.payload, *(found.payload for found in frames)] == [*PAYLOADS, b"later"]


def test_zeros_after_the_last_frame_are_a_damaged_length():
    """What a file system leaves after a power cut."""
    assert frames_of(FILE + b"\x00" * 64)[-1] == Frame(STARTS[-1], damage=Damage.BAD_LENGTH)


def test_reading_starts_where_the_file_stands():
    file = BytesIO(FILE)
    file.seek(STARTS[2])
    assert [found.offset for found in read_frames(file)] == [STARTS[2], STARTS[3]]


@STEADY
@given(payloads=st.lists(st.binary(max_size=300), max_size=6))
def test_what_is_framed_comes_back(payloads):
    assert [found.payload for found in frames_of(b"".join(frame(payload) for payload in payloads))] == payloads


@STEADY
@given(noise=st.binary(max_size=400))
def test_random_bytes_never_raise_and_never_pass_for_content(noise):
    frames = frames_of(noise)
    assert [found.payload for found in frames if found.damage is None] == []
    assert bool(frames) == bool(noise)


@STEADY
@given(noise=st.binary(min_size=1, max_size=200), place=st.integers(0, len(FILE)), removed=st.integers(0, 30))
def test_random_bytes_in_the_middle_never_raise_and_spare_what_stands_before(noise, place, removed):
    frames = frames_of(FILE[:place] + noise + FILE[place + removed :])
    before = [payload for start, payload in zip(STARTS[1:], PAYLOADS, strict=True) if start <= place]
    assert [found.payload for found in frames[: len(before)]] == before
    assert len({found.offset for found in frames}) == len(frames)  # it never reads a place twice
