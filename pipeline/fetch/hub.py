"""One file of a Hub dataset, by revision; kept apart because the client is slow to import.

The client itself honours `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE`, and resumes. It asks a
Hub that cannot be reached six times in 23 s, with two warnings each; here it is asked once first.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from huggingface_hub import errors, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils.tqdm import disable_progress_bars

from sources.source import Hub

# httpx's or httpx2's, depending on the client's version; never HTTP answers alone.
_HTTP_ERROR: type[BaseException] = errors.HfHubHTTPError.__mro__[1]
_SERVER_ERROR = 500


class HubError(Exception):
    """A file that the Hub did not give."""

    def __init__(self, message: str, *, is_unreachable: bool) -> None:
        super().__init__(message)
        self.is_unreachable = is_unreachable


def download_from_hub(hub: Hub, folder: Path) -> Path:
    """Download to a path below the folder and return it; `HubError` where that fails."""
    disable_progress_bars()  # the caller shows its own
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # the error says what failed
    place = f"{hub.repo} at {hub.revision[:12]}, file {hub.path!r}"
    try:
        _require_answer(hub)
        return Path(
            hf_hub_download(
                hub.repo, hub.path, repo_type="dataset", revision=hub.revision, local_dir=folder
            )
        )
    except errors.GatedRepoError as error:
        message = f"{place}: accept the terms on the dataset's page and set HF_TOKEN"
        raise HubError(message, is_unreachable=False) from error
    except (
        errors.LocalEntryNotFoundError,
        errors.OfflineModeIsEnabled,
        errors.FileMetadataError,
        _HTTP_ERROR,
        RuntimeError,  # the Rust download backend has no class of its own
    ) as error:
        raise _hub_error(place, error) from error


def _require_answer(hub: Hub) -> None:
    """Ask for the file's metadata, which is not tried again where nothing answers."""
    # A Hub that answers with a refusal is left to the download, which tries a busy one again.
    with suppress(errors.HfHubHTTPError):
        get_hf_file_metadata(
            hf_hub_url(hub.repo, hub.path, repo_type="dataset", revision=hub.revision)
        )


def _hub_error(place: str, error: BaseException) -> HubError:
    # Without the Hub's own headers, as from a mirror, the answer is the cause of a local error.
    for answer in (error, error.__cause__):
        if isinstance(answer, errors.HfHubHTTPError):
            code = answer.response.status_code
            message = f"{place}: the Hub answered {code} ({_first_line(answer)})"
            return HubError(message, is_unreachable=code >= _SERVER_ERROR)
    return HubError(f"the Hub could not be reached ({_first_line(error)})", is_unreachable=True)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
