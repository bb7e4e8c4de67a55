"""Fetching a data set's files from the open internet, each checked before anything reads it."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from deepnet.io.atomic import write_atomically

__all__ = ["fetch", "matches"]


def matches(path: Path, md5: str) -> bool:
    """Return whether a file exists and has this MD5."""
    return path.is_file() and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == md5


def fetch(urls: Iterable[str], path: Path, md5: str, timeout: float = 30.0) -> None:
    """Fetch a file from the first of ``urls`` that answers, unless it is there already.

    Raises
    ------
    ConnectionError
        If none answers; the message lists what each said and where to put a file got otherwise.
    ValueError
        If what came does not have the MD5 expected.
    """
    if matches(path, md5):
        return
    failures = []
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                data = answer.read()
        except (urllib.error.URLError, OSError) as error:
            failures.append(f"  {url}: {getattr(error, 'reason', error)}")
            continue
        got = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if got != md5:
            raise ValueError(f"{url} sent a file with MD5 {got}; {path.name} should have {md5}. Nothing was kept.")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
        return
    raise ConnectionError(
        f"could not download {path.name} (is this machine offline?):\n" + "\n".join(failures) + f"\nOr put the file at {path}."
    )
