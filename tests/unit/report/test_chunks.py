"""The container that every chunk of a report is: what is put in comes out, as a browser reads it."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pytest
from written_reports import Chunk

from explainer.report.chunks import Body, as_json, as_text, deflated, stored

ARRAYS = {
    "u8": np.arange(11, dtype=np.uint8),
    "u16": np.array([1, 65535], np.uint16),
    "u32": np.array([2**32 - 1], np.uint32),
    "i32": np.array([-1, 7, -(2**31)], np.int32),
    "f32": np.array([0.1, -np.inf, 3e38], np.float32),
}


@pytest.mark.parametrize("packed", [deflated, stored])
@pytest.mark.parametrize("name", ["a", "ab", "häßlich 狐", "x" * 300])
def test_arrays_of_every_type_come_back_at_their_places(packed, name):
    body = Body()
    places = {kind: body.add(values) for kind, values in ARRAYS.items()}
    places["bytes"] = body.add_bytes(b"\x89PNG")
    chunk = Chunk(packed({"name": name, "places": places}, body))
    assert chunk["name"] == name
    for kind, values in ARRAYS.items():
        assert (places[kind]["type"], places[kind]["n"]) == (kind, values.size)
        assert chunk.array(places[kind]).tolist() == values.tolist()
    assert chunk.array(places["bytes"]).tobytes() == b"\x89PNG"


def test_the_bytes_of_a_chunk_are_these():
    body = Body()
    header = {"v": body.add(np.array([1, 2], np.uint16))}
    raw = zlib.decompress(deflated(header, body), -15)
    text = b'{"v":{"at":0,"n":2,"type":"u16"}}'
    assert len(text) == 33
    assert raw == struct.pack("<I", 33) + text + bytes(3) + b"\x01\x00\x02\x00" + bytes(4)


def test_numbers_are_little_endian_whatever_the_array_was():
    body = Body()
    body.add(np.array([1], ">u4"))
    assert body.content() == b"\x01\x00\x00\x00" + bytes(4)


def test_the_values_of_a_matrix_stand_row_after_row():
    body = Body()
    place = body.add(np.arange(6, dtype=np.uint8).reshape(2, 3).T)
    assert body.content()[: place["n"]] == bytes([0, 3, 1, 4, 2, 5])


def test_what_would_not_get_smaller_is_stored_as_it_is():
    noise = np.random.default_rng(0).integers(0, 256, 100_000, dtype=np.uint8)
    body = Body()
    body.add(noise)
    assert noise.tobytes()[:60_000] in stored({}, body)


@pytest.mark.parametrize("length", [0, 1, 65_528, 65_536, 131_064, 200_000])
def test_stored_bytes_of_any_length_come_back(length):
    content = np.random.default_rng(0).bytes(length)
    body = Body()
    place = body.add_bytes(content)
    packer = zlib.decompressobj(-15)
    assert packer.decompress(stored({}, body))[8:].startswith(content)
    assert packer.eof and not packer.unused_data
    assert Chunk(stored({}, body)).array(place).tobytes() == content


def test_a_chunk_is_base64_with_its_padding():
    assert as_text(b"\xfb\xff\x00\x01") == b"+/8AAQ=="


def test_json_has_no_number_that_json_lacks():
    assert as_json({"a": [float("nan"), 1.5], "b": (float("inf"),)}) == '{"a":[null,1.5],"b":[null]}'


def test_lone_surrogates_are_replaced_and_pairs_and_letters_kept():
    text = as_json(["\ud800", "\udfffx", "狐 🦊 \u202e"])
    assert json.loads(text.encode().decode()) == ["\ufffd", "\ufffdx", "狐 🦊 \u202e"]
