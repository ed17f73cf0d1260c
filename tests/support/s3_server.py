"""A server that speaks S3, on loopback, with one bucket."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qiatan.infra.settings import S3Bucket
from tests.support.network import free_port

ROOT = Path(__file__).parents[2]
BUCKET = "qiatan-files"
ACCESS_KEY = SECRET_KEY = "S3RVER"


@contextmanager
def s3_server(directory: Path) -> Iterator[S3Bucket]:
    """Run it, keeping what it is given in `directory`."""
    port = free_port()
    node = shutil.which("node", path=os.pathsep.join([str(ROOT / ".make" / "bin"), os.environ["PATH"]]))
    assert node is not None, "node is not installed: run `make check` once"
    config = {"port": port, "directory": str(directory), "web": str(ROOT / "web")}
    with subprocess.Popen(
        [node, ROOT / "tests" / "support" / "s3_server.mjs", json.dumps(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline().decode()
            assert said == "ready\n", said + process.stdout.read().decode()
            yield S3Bucket(bucket=BUCKET, access_key=ACCESS_KEY, secret_key=SECRET_KEY, endpoint=f"http://127.0.0.1:{port}")
        finally:
            process.kill()
            process.wait(10)
