"""Read a file from a bucket or another machine, through any file system of fsspec."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fsspec

from stages.common.errors import StageError
from stages.download.http_errors import is_offline, root_cause
from stages.download.origin import CHUNK, Body, FileVersion, InterruptionError

_BLOCK = 8 << 20
"""Bytes of one request to a bucket. A broken connection loses as many; s3fs would use 50 MiB."""

_VALIDATORS = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")
"""Keys in fsspec's file info whose values change with the bytes, the most reliable first."""

_PACKAGES = {
    **dict.fromkeys(("gs", "gcs"), "dvc-gs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "dvc-azure"),
    **dict.fromkeys(("ssh", "sftp"), "dvc-ssh"),
    **dict.fromkeys(("webdav", "webdavs"), "dvc-webdav"),
    "gdrive": "dvc-gdrive",
    "hdfs": "dvc-hdfs",
    "oss": "dvc-oss",
}
"""DVC plug-ins that install the fsspec file systems for these schemes."""

_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, ValueError, NotImplementedError)
_CREDENTIALS = re.compile("Credential|Auth|Profile")
"""Matches names of credential errors of botocore, google-auth, azure-identity and paramiko."""


@dataclass(frozen=True)
class FsspecOrigin:
    """A file at a URL of fsspec: s3://, gs://, az://, ssh://, sftp:// and others."""

    url: str
    name: str

    @property
    def identity(self) -> str:
        """The URL without credentials."""
        return self.name

    @contextlib.contextmanager
    def read(self, start: int, version: FileVersion) -> Iterator[Body]:
        """Read the bytes from `start` on; see Origin.read."""
        filesystem, path = self._file_system()
        with self._errors():
            now = _look(filesystem, path)
            if now.validator is None or not now.fits(version):
                start = 0
            file = filesystem.open(path, "rb", block_size=_BLOCK)
            file.seek(start)
        with contextlib.closing(file):
            yield Body(start, now, self._chunks(filesystem, path, file, now))

    def _file_system(self) -> tuple[Any, str]:
        try:
            return fsspec.url_to_fs(_scheme(self.url) + self.url[self.url.index("://") :])  # type: ignore[no-any-return]
        except ImportError as error:
            package = _PACKAGES.get(_scheme(self.url))
            remedy = f"install it: `.venv/bin/pip install {package}`" if package else str(error)
            raise StageError(
                f"{self.name} cannot be opened without another package; {remedy}"
            ) from error
        except Exception as error:
            if str(error).startswith("Protocol not known"):
                raise StageError(
                    f"{self.name} begins with a scheme that is not known; download.source may be "
                    "synthetic, kaggle, a path, or a URL of http, https, s3, gs, az, ssh, sftp or "
                    "another scheme of fsspec"
                ) from error
            raise self._unreadable(error) from error

    def _chunks(
        self, filesystem: Any, path: str, file: Any, version: FileVersion
    ) -> Iterator[bytes]:
        with self._errors():
            while chunk := file.read(CHUNK):
                yield chunk
            if not _look(filesystem, path).fits(version):
                raise InterruptionError("the file there changed while it was read")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the different errors of file systems into one line without keys or addresses.

        Raises:
            InterruptionError: if a retry may help.
            StageError: if a retry does not help.
        """
        try:
            yield
        except (InterruptionError, StageError):
            raise
        except Exception as error:
            if isinstance(error, _FINAL) or _CREDENTIALS.search(type(error).__name__):
                raise self._unreadable(error) from error
            raise InterruptionError(
                f"it cannot be read ({root_cause(error)})", offline=is_offline(error)
            ) from error

    def _unreadable(self, error: Exception) -> StageError:
        return StageError(
            f"{self.name} cannot be read ({root_cause(error)}); check the address, "
            "your credentials for it, and the network"
        )


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _look(filesystem: Any, path: str) -> FileVersion:
    """Return the current version, without MD5: the S3 ETag of a multipart upload is no MD5."""
    filesystem.invalidate_cache()
    info = filesystem.info(path)
    if info.get("type") == "directory":
        raise IsADirectoryError(path)
    said = [f"{key} {info[key]}" for key in _VALIDATORS if info.get(key)]
    return FileVersion(info.get("size"), said[0] if said else None)
