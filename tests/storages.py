"""Storages behind URLs, for tests: a folder by file://, and a bucket of an S3-compatible server on this machine."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

ACCOUNT = {"AWS_ACCESS_KEY_ID": "one", "AWS_SECRET_ACCESS_KEY": "unseen-secret", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def s3_server():
    """The address of a server that has nothing yet."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


class Folder:
    """A folder of this machine by its URL."""

    def __init__(self, path):
        self._path = Path(path)
        self._path.mkdir(parents=True)
        self.url = self._path.as_uri()

    def put(self, name, content):
        """Makes a file."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, name):
        """Removes a file."""
        (self._path / name).unlink()

    def files(self):
        """The content of every file, by its name."""
        paths = [path for path in self._path.rglob("*") if path.is_file()]
        return {path.relative_to(self._path).as_posix(): path.read_bytes() for path in paths}


class Bucket:
    """A folder of a bucket of its own."""

    def __init__(self, address, name):
        self._client = boto3.client("s3", endpoint_url=address)
        self._name = name
        self._client.create_bucket(Bucket=name)
        self.url = f"s3://{name}/folder"

    def put(self, name, content):
        """Makes an object."""
        self._client.put_object(Bucket=self._name, Key=f"folder/{name}", Body=content)

    def remove(self, name):
        """Removes an object."""
        self._client.delete_object(Bucket=self._name, Key=f"folder/{name}")

    def files(self):
        """The content of every object, by its name."""
        found = self._client.list_objects_v2(Bucket=self._name).get("Contents", [])
        get = self._client.get_object
        return {
            entry["Key"].removeprefix("folder/"): get(Bucket=self._name, Key=entry["Key"])["Body"].read()
            for entry in found
        }
