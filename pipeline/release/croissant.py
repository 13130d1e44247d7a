"""Croissant metadata (JSON-LD) of a release: its files and record sets, for dataset search.

Every Parquet file is a `FileObject` with a relative `contentUrl` and its digest; a subset is a
`FileSet` that selects its files from the folder that `croissant.json` lies in (a `FileSet` that
is contained in nothing), and a `RecordSet` over it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.recipe import Release
from schemas.release import RELEASE, SUBSETS

# The JSON-LD context of the Croissant 1.0 specification; readers warn when a term is missing.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET = "application/x-parquet"


def croissant(folder: Path, release: Release, licenses: Sequence[str]) -> str:
    """Return the metadata of the Parquet files of a folder as JSON text."""
    paths = {
        subset: sorted(path.relative_to(folder).as_posix() for path in found)
        for subset in sorted(SUBSETS.values())
        if (found := list((folder / subset).rglob("*.parquet")))
    }
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": release.name,
        "version": release.version,
        "description": "Multilingual medical instruction data, built from the sources on its card.",
        "license": [_license(one) for one in licenses],
        "distribution": [
            *(_file(folder, path) for subset in paths for path in paths[subset]),
            *(_file_set(subset) for subset in paths),
        ],
        "recordSet": [_records(subset) for subset in paths],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _license(name: str) -> str:
    is_listed = not name.startswith("LicenseRef-")  # an SPDX identifier
    return f"https://spdx.org/licenses/{name}.html" if is_listed else name


def _file(folder: Path, path: str) -> dict[str, Any]:
    payload = (folder / path).read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{len(payload)} B",
        "encodingFormat": _PARQUET,
        "sha256": sha256(payload).hexdigest(),
    }


def _file_set(subset: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{subset}-files",
        "name": f"{subset}-files",
        "encodingFormat": _PARQUET,
        "includes": f"{subset}/*/*.parquet",
    }


def _records(subset: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": subset,
        "name": subset,
        "key": {"@id": f"{subset}/id"},
        "field": [_field(subset, field) for field in RELEASE],
    }


def _field(subset: str, field: pa.Field) -> dict[str, Any]:
    name = f"{subset}/{field.name}"
    is_list = pa.types.is_list(field.type)
    kind = field.type.value_type if is_list else field.type
    described: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": name}
    if is_list:
        described["repeated"] = True
    if pa.types.is_struct(kind):
        described["subField"] = [_part(subset, field.name, part) for part in kind]
        return described
    return {**described, "dataType": _data_type(kind), "source": _source(subset, field.name)}


def _part(subset: str, column: str, part: pa.Field) -> dict[str, Any]:
    """Return a sub-field: a key of the structs that a column holds."""
    name = f"{subset}/{column}/{part.name}"
    kind = part.type.value_type if pa.types.is_list(part.type) else part.type
    transform = {"jsonPath": part.name}
    source = {**_source(subset, column), "transform": transform}
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "dataType": _data_type(kind),
        "source": source,
    }


def _source(subset: str, column: str) -> dict[str, Any]:
    return {"fileSet": {"@id": f"{subset}-files"}, "extract": {"column": column}}


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
