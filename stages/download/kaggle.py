"""Locate the zip of a Kaggle dataset through Kaggle's own client."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter

from stages.common.errors import StageError
from stages.download.http_errors import ADVICE
from stages.download.http_origin import HttpOrigin
from stages.download.origin import DEFAULT_RETRIES, RetryPolicy

_SIGN_IN = (
    "give Kaggle your API token (https://www.kaggle.com/settings) in KAGGLE_API_TOKEN or "
    "~/.kaggle/access_token, or set download.source to a path or URL of the archive"
)
_ADVICE = ADVICE | {
    401: _SIGN_IN,
    403: _SIGN_IN,
    404: "check download.kaggle_dataset: owner/name/versions/number",
}


def kaggle_origin(handle: str, *, retry_policy: RetryPolicy = DEFAULT_RETRIES) -> HttpOrigin:
    """Return the origin of the zip of a dataset version (`owner/name/versions/number`)."""
    name = f"Kaggle dataset {handle}"
    resolve = partial(signed_address, handle, retry_policy=retry_policy)
    return HttpOrigin(name, name, resolve, retry_policy=retry_policy, advice=_ADVICE)


def signed_address(handle: str, *, retry_policy: RetryPolicy = DEFAULT_RETRIES) -> str:
    """Request the signed URL of a dataset version's zip from Kaggle. The signature expires.

    kagglehub's own `dataset_download` would fetch and unpack the zip. Credentials come from the
    same places as for Kaggle's tools; public datasets need none.

    Raises:
        StageError: if the user has no home, the credentials file cannot be read, or Kaggle returns
            no URL.
        requests.RequestException: if Kaggle refuses or cannot be reached.
    """
    with _client() as client:
        # By default, the client (kagglesdk 0.1.37) has no timeout and follows the redirect.
        session = client.http_client()._session
        for scheme in ("https://", "http://"):
            session.mount(scheme, _TimeoutAdapter(retry_policy))
        session.max_redirects = 0
        try:
            client.datasets.dataset_api_client.download_dataset(_request(handle)).close()
        except requests.TooManyRedirects as redirect:
            if redirect.response is not None:
                return urljoin(redirect.response.url, redirect.response.headers["Location"])
    raise StageError(
        f"Kaggle dataset {handle}: Kaggle named no address to fetch it from; set download.source "
        "to a path or URL of the archive, and see whether a newer kagglehub knows what has changed"
    )


class _TimeoutAdapter(HTTPAdapter):
    def __init__(self, retry_policy: RetryPolicy) -> None:
        super().__init__()
        self._timeout = retry_policy.timeout

    def send(self, *args: Any, **options: Any) -> requests.Response:
        return super().send(*args, **options | {"timeout": self._timeout})


def _client() -> Any:
    try:  # other sources than Kaggle do not need a home
        from kagglehub.clients import build_kaggle_client
    except RuntimeError as error:
        raise StageError(
            f"Kaggle's client looks for the home of this user ({error}); let the environment "
            "variable HOME name a folder"
        ) from error
    try:
        return build_kaggle_client()
    except ValueError as error:  # the credentials file is not JSON, or a key is missing in it
        raise StageError(f"{error}; mend the file or remove it") from error


def _request(handle: str) -> Any:
    from kagglehub.handle import parse_dataset_handle
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    parsed = parse_dataset_handle(handle)
    request = ApiDownloadDatasetRequest()
    request.owner_slug = parsed.owner
    request.dataset_slug = parsed.dataset
    request.dataset_version_number = parsed.version
    return request
