"""Uploads a release to the Hugging Face Hub: verified, only what may be passed on, then tagged.

The repository afterwards holds the release's files and no others, so that a push which was cut off
is repeated whole: files that are there already are not sent again, an equal commit and an equal
tag are left as they are, and a tag that names another release is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.errors import InputError, MmedError, StoppedError
from pipeline.release.contents import Contents, read_contents
from pipeline.release.verify import verify
from pipeline.release.write import CHECKSUMS, folder_digest
from sources import registry

if TYPE_CHECKING:
    from huggingface_hub import CommitOperation, HfApi

_KIND = "dataset"
_NOT_OURS = {".gitattributes"}  # the Hub writes it into every repository


class RefusedError(MmedError):
    """The release is not to be uploaded as it is."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What an upload would send."""

    release: str
    repository: str
    tag: str
    files: Mapping[str, int]  # bytes by path
    rows: Mapping[str, Mapping[str, int]]  # by configuration and split

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return it for a person: files, bytes, rows per configuration."""
        total = sum(self.files.values())
        lines = [f"{size:>13,} bytes  {path}" for path, size in self.files.items()]
        lines += [
            f"{config}: " + ", ".join(f"{rows:,} {split}" for split, rows in splits.items())
            for config, splits in self.rows.items()
        ]
        files = f"{len(self.files):,} files, {total:,} bytes"
        return "\n".join([*lines, f"{files} -> datasets/{self.repository}, tag {self.tag}"])


def plan_push(release: Path, repository: str, tag: str | None) -> Planned:
    """Verify a release and return what would be sent; the tag defaults to `v<version>`.

    A `RefusedError` says that it does not verify, or holds rows that must not be passed on.
    """
    findings = verify(release, None)
    if not findings.passed:
        failed = ", ".join(check.name for check in findings.checks if check.num_findings)
        raise RefusedError(
            f"{release}: not uploaded, it does not verify ({failed}). "
            f"`mmed verify {release}` names files and rows."
        )
    contents = read_contents(release)
    refuse_rows(contents.rows)
    version = contents.head.get("version")
    if not (tag or version):
        raise InputError(f"{release}: its card names no version. Give a tag with --revision.")
    noted = (release / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    paths = sorted([CHECKSUMS, *(line.partition("  ")[2] for line in noted)])
    return Planned(
        str(release),
        repository,
        tag or f"v{version}",
        {path: (release / path).stat().st_size for path in paths},
        _rows(contents),
    )


def _rows(contents: Contents) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for (subset, language, split), number in sorted(contents.sizes().items()):
        rows.setdefault(f"{subset}.{language}", {})[split] = number
    return rows


def refuse_rows(rows: pl.DataFrame) -> None:
    """Raise a `RefusedError` that names the sources of rows which must not be passed on.

    A row is held against its own columns and against the registry, which an edit by hand of the
    release does not reach.
    """
    base = pl.col("source").str.split(".").list.first()
    closed = [s.name for s in registry.all_sources() if s.redistributable != "yes"]
    is_closed = (pl.col("redistributable") != "yes") | (pl.col("egress") != "any")
    kept = rows.filter(is_closed | base.is_in(closed))
    if kept.is_empty():
        return
    counts = kept.group_by(base).len().sort("source").iter_rows()
    told = ", ".join(f"{name} ({number:,} rows)" for name, number in counts)
    raise RefusedError(
        f"not uploaded, rows of these sources are not `redistributable: yes`: {told}. "
        "Leave the sources out of the recipe and build again."
    )


def upload(planned: Planned, api: HfApi) -> str:
    """Create the repository, private, where it is missing; send the files; tag. Return the address.

    An `InputError` says that the tag names another release; a `StoppedError` that the Hub could
    not be reached or refused; the same command goes on.
    """
    import httpx
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return _upload(planned, api)
    except HFValidationError as error:
        raise InputError(f"{planned.repository!r}: no name of a repository ({error}).") from error
    # The transfer of large files ends in a bare RuntimeError, whatever stopped it.
    except (HfHubHTTPError, httpx.HTTPError, httpx2.HTTPError, OSError, RuntimeError) as error:
        # A response's text could repeat what was sent; its first line names status and address.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise StoppedError(
            f"datasets/{planned.repository}: the upload stopped ({reason[0]}). "
            "Check the repository's name and your token, then repeat the command."
        ) from error


def _upload(planned: Planned, api: HfApi) -> str:
    made = api.create_repo(planned.repository, repo_type=_KIND, private=True, exist_ok=True)
    repository = made.repo_id  # with the user's name, where none was given
    tagged = _tagged_digest(repository, planned.tag, api)
    if tagged is None:
        # One commit: nobody finds half of a release. (`upload_folder` may make several.)
        commit = api.create_commit(
            repository,
            _changes(planned, repository, api),
            repo_type=_KIND,
            commit_message=f"Release {planned.tag}, digest {folder_digest(Path(planned.release))}",
        )
        api.create_tag(repository, tag=planned.tag, revision=commit.oid, repo_type=_KIND)
    elif tagged != _git_digest(planned):
        raise InputError(
            f"datasets/{repository}: tag {planned.tag} is there and names another release. "
            "Give the recipe another version, or another tag with --revision."
        )
    return f"{api.endpoint}/datasets/{repository}/tree/{planned.tag}"


def _changes(planned: Planned, repository: str, api: HfApi) -> list[CommitOperation]:
    """Return the files to add, those that are there already too, and what an earlier release left.

    The client compares digests, and leaves out what the repository has.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    there = set(api.list_repo_files(repository, repo_type=_KIND))
    gone = sorted(there - planned.files.keys() - _NOT_OURS)
    return [
        *(CommitOperationAdd(path, Path(planned.release, path)) for path in planned.files),
        *(CommitOperationDelete(path) for path in gone),
    ]


def _tagged_digest(repository: str, tag: str, api: HfApi) -> str | None:
    """Return the digest by git of the checksums that a tag holds; None where there is no tag."""
    tags = api.list_repo_refs(repository, repo_type=_KIND).tags
    if tag not in {one.name for one in tags}:
        return None
    found = api.get_paths_info(repository, [CHECKSUMS], revision=tag, repo_type=_KIND)
    return str(getattr(found[0], "blob_id", "")) if found else ""


def _git_digest(planned: Planned) -> str:
    from huggingface_hub.utils.sha import git_hash

    return git_hash((Path(planned.release) / CHECKSUMS).read_bytes())
