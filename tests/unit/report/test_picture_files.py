"""Which pictures a report shows: those that are there, whole, recorded, inside of the folder, and named once."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainer.digests import digest_of
from explainer.records import ImageFile, RawMapFile, SaliencyFile
from explainer.report.picture_files import Damaged, PictureFiles, picture_read
from explainer.summary.images import png_of

GREY = np.arange(35, dtype=np.uint8).reshape(5, 7)


def seen(folder: Path, entry):
    with picture_read(entry, PictureFiles(folder).place_of(entry)) as found:
        return found


def map_at(path: str, low=0.0, high=1.0, digest=b""):
    return SaliencyFile(0, "A", 0, path, low, high, None, digest)


def claiming(width: int, height: int) -> bytes:
    """A PNG that claims to be so large."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_a_picture_is_its_bytes_and_its_pixels(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(GREY))
    found = seen(tmp_path, map_at("a.png", digest=digest_of(png_of(GREY))))
    assert (found.file.content, found.file.width, found.file.height) == (png_of(GREY), 7, 5)
    assert np.array_equal(found.pixels, GREY)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the picture is missing"),
        (b"", "the picture cannot be read: cannot identify image file, it is no PNG"),
        (claiming(70_000, 70_000), "the picture cannot be read: the PNG"),
        (png_of(GREY)[:45], "the picture cannot be read: "),
        (png_of(np.zeros((5, 7, 3), np.uint8)), "the picture is not grey, as a saliency map must be"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    found = seen(tmp_path, map_at("a.png"))
    assert isinstance(found, Damaged)
    assert found.reason.startswith(reason)


def test_another_picture_than_the_recorded_one_is_not_shown(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(GREY))
    found = seen(tmp_path, map_at("a.png", digest=digest_of(b"other")))
    assert found == Damaged("the picture is not the one that was recorded")


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf")), (-1e308, 1e308)])
def test_a_map_without_a_range_is_not_shown(tmp_path, low, high):
    (tmp_path / "a.png").write_bytes(png_of(GREY))
    assert seen(tmp_path, map_at("a.png", low, high)).reason.startswith("the map's values are recorded to reach from ")


@pytest.mark.parametrize("path", ["../a.png", "/etc/hostname", "out/a.png", "\0"])
def test_no_path_leads_out(tmp_path, path):
    job = tmp_path / "job"
    job.mkdir()
    (tmp_path / "a.png").write_bytes(png_of(GREY))
    (job / "out").symlink_to(tmp_path)
    assert isinstance(seen(job, ImageFile(0, path)), Damaged)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert seen(tmp_path, ImageFile(0, "a.png")) == Damaged("the picture is missing")


def test_a_file_that_several_records_name_is_shown_once(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(GREY))
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    files = PictureFiles(tmp_path)
    entries = [ImageFile(0, "a.png"), ImageFile(1, "a.png"), ImageFile(2, "./a.png"), ImageFile(3, "b.png")]
    again = Damaged("is the picture of another record, too")
    assert [files.place_of(entry) for entry in entries] == [tmp_path.resolve() / "a.png", again, again, again]
    assert files.place_of(map_at("a.png")) == again
    assert files.place_of(ImageFile(0, "a.png")) == tmp_path.resolve() / "a.png"  # the same record, read again


def test_floats_that_several_maps_name_are_shown_once(tmp_path):
    files = PictureFiles(tmp_path)
    one, other = (SaliencyFile(0, "A", label, f"{label}.png", 0, 1, raw=RawMapFile("a.npy")) for label in (0, 1))
    assert files.raw_place_of(one) == files.raw_place_of(one) == tmp_path.resolve() / "a.npy"
    assert files.raw_place_of(other) == Damaged("is the picture of another record, too")
    assert files.raw_place_of(map_at("a.png")) is None


@pytest.mark.parametrize(("few", "together"), [(35, True), (34, False)])
def test_large_pictures_are_worked_on_one_after_another(tmp_path, monkeypatch, few, together):
    monkeypatch.setattr("explainer.report.picture_files._FEW_PIXELS", few)
    (tmp_path / "a.png").write_bytes(png_of(GREY))
    entry, place = ImageFile(0, "a.png"), tmp_path / "a.png"
    met = threading.Barrier(2)

    def work(meetings):
        with picture_read(entry, place):
            try:
                met.wait(2 if together else 0.05)
                meetings.append(True)
            except threading.BrokenBarrierError:
                meetings.append(False)

    meetings = []
    threads = [threading.Thread(target=work, args=(meetings,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meetings == [together] * 2


def test_the_limit_of_pixels_holds_before_anything_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(claiming(64_000_001, 1))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert "at most 64,000,000 pixels" in seen(tmp_path, ImageFile(0, "a.png")).reason
