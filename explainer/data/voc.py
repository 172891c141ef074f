"""Annotations in the format of Pascal VOC: a folder with an XML file for each picture.

Corners are pixels counted from 1, the last one included; boxes here count from 0, so x = xmin - 1 and
width = xmax - xmin + 1. Objects that are marked as difficult or truncated are objects like all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from explainer.data.annotations import (
    AnnotatedObject,
    AnnotatedPicture,
    Annotations,
    BoxNumbers,
    box_of,
    content_of,
    number_of,
)
from explainer.remote import Place

_FOLDER = "Annotations"  # in a folder such as VOCdevkit/VOC2012
_MOST_BYTES = 2**22  # of the file of one picture
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class _PlainTree(ElementTree.TreeBuilder):
    """Refuses what declares a document type, and with it entities: a few letters that stand for a great many."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("it declares a document type (DOCTYPE), which annotations have no use for")


def read_voc(folder: Place, name: str) -> Annotations:
    """The objects of all XML files of a folder, or of its folder `Annotations`.

    Args:
        folder: with the files.
        name: what messages call it.

    Raises:
        ValueError: there is no such file, or one cannot be read or does not fit; names it.
    """
    inner = folder / _FOLDER
    found: Iterable[Place] = (inner if inner.is_dir() else folder).glob("*.xml")
    paths = sorted(found, key=lambda path: path.name)
    if not paths:
        raise ValueError(f"{name} must be a folder with Pascal VOC's XML files, found none in {folder}")
    return Annotations(tuple(_picture(path, name) for path in paths))


def _picture(path: Place, name: str) -> AnnotatedPicture:
    where = f"in {name} {path}"
    root = _root(path, name)
    file = _text(root, "filename", where)
    objects = tuple(_object(entry, where) for entry in root.iter("object"))
    edges = [root.findtext(f"size/{edge}", "").strip() for edge in ("width", "height")]
    known = all(edge.isdecimal() and len(edge) < 7 and int(edge) > 0 for edge in edges)  # 0 where it was not known
    return AnnotatedPicture(file, objects, (int(edges[0]), int(edges[1])) if known else None)


def _root(path: Place, name: str) -> ElementTree.Element:
    content = content_of(path, name, _MOST_BYTES)
    try:
        root = ElementTree.fromstring(content, ElementTree.XMLParser(target=_PlainTree()))
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that is unknown
        raise ValueError(f"{name} {path} must be an XML file of Pascal VOC: {error}") from error
    if root.tag != "annotation":
        raise ValueError(f"{name} {path} must be an XML file of Pascal VOC, <annotation>, got <{root.tag[:40]}>")
    return root


def _object(entry: ElementTree.Element, where: str) -> AnnotatedObject:
    box = entry.find("bndbox")
    return AnnotatedObject(_text(entry, "name", where), None if box is None else _box(box, where), where)


def _box(box: ElementTree.Element, where: str) -> BoxNumbers:
    left, top, right, bottom = (number_of(box.findtext(corner), where) for corner in _CORNERS)
    return box_of((left - 1, top - 1, right - left + 1, bottom - top + 1), where)


def _text(element: ElementTree.Element, key: str, where: str) -> str:
    text = (element.findtext(key) or "").strip()
    if not text:
        raise ValueError(f"<{key}> must hold a name, got nothing {where}")
    return text
