"""A dataset from Kaggle, as the one zip that Kaggle keeps, through Kaggle's own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from kagglehub.clients import build_kaggle_client
from kagglehub.handle import parse_dataset_handle
from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest
from requests.adapters import HTTPAdapter

from stages.download.transfer import ADVICE, TIMEOUT, http_errors, save_body
from stages.errors import StageError

_SIGN_IN = (
    "give Kaggle your API token (https://www.kaggle.com/settings) in KAGGLE_API_TOKEN or "
    "~/.kaggle/access_token, or set download.source to a path or URL of the archive"
)
_ADVICE = ADVICE | {
    401: _SIGN_IN,
    403: _SIGN_IN,
    404: "check download.kaggle_dataset: owner/name/versions/number",
}


def download_dataset(handle: str, destination: Path) -> None:
    """Download a dataset version (`owner/name/versions/number`) as Kaggle's zip of it.

    kagglehub's own `dataset_download` would unpack it. Credentials are looked for where Kaggle's
    tools look for them; public datasets need none.

    Raises:
        StageError: on any failure; the message holds no credentials.
    """
    name = f"Kaggle dataset {handle}"
    with http_errors(name, advice=_ADVICE), _client() as client:
        # The client (kagglesdk 0.1.37) waits for ever and has no setting for it.
        for scheme in ("https://", "http://"):
            client.http_client()._session.mount(scheme, _ImpatientAdapter())
        with client.datasets.dataset_api_client.download_dataset(_request(handle)) as response:
            save_body(response, destination, name=name)


class _ImpatientAdapter(HTTPAdapter):
    def send(self, *args: Any, **options: Any) -> requests.Response:
        return super().send(*args, **options | {"timeout": TIMEOUT})


def _client() -> Any:
    try:
        return build_kaggle_client()
    except ValueError as error:  # the credentials file is not JSON, or a key is missing in it
        raise StageError(f"{error}; mend the file or remove it") from error


def _request(handle: str) -> Any:
    parsed = parse_dataset_handle(handle)
    request = ApiDownloadDatasetRequest()
    request.owner_slug = parsed.owner
    request.dataset_slug = parsed.dataset
    request.dataset_version_number = parsed.version
    return request
