"""Croissant metadata (JSON-LD) of a release: its files and record sets, for dataset search."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas.release import RELEASE

if TYPE_CHECKING:
    from pipeline.release.write import ReleaseInput

# The JSON-LD context of the Croissant 1.1 specification, less terms that are not used here.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "key": "cr:key",
    "md5": "cr:md5",
    "recordSet": "cr:recordSet",
    "repeated": "cr:repeated",
    "sc": "https://schema.org/",
    "source": "cr:source",
    "subField": "cr:subField",
}


def croissant(given: ReleaseInput, facts: Mapping[str, Mapping[str, int]]) -> str:
    """Return the metadata as JSON text; each subset is one record set over its Parquet files."""
    subsets = sorted(config for config in facts if "." not in config)
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": given.recipe.release.name,
        "version": given.recipe.release.version,
        "description": "Multilingual medical instruction data, built from the sources on its card.",
        "license": "https://choosealicense.com/licenses/other/",
        "distribution": [_repository(), *(_files(subset) for subset in subsets)],
        "recordSet": [_records(subset) for subset in subsets],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _repository() -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": "folder",
        "name": "folder",
        "contentUrl": ".",
        "encodingFormat": "text/plain",
        "sha256": "see checksums.txt",
    }


def _files(subset: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{subset}-files",
        "name": f"{subset}-files",
        "containedIn": {"@id": "folder"},
        "encodingFormat": "application/x-parquet",
        "includes": f"{subset}/*/*.parquet",
    }


def _records(subset: str) -> dict[str, Any]:
    flat = [field for field in RELEASE if not pa.types.is_nested(field.type)]
    return {
        "@type": "cr:RecordSet",
        "@id": subset,
        "name": subset,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{subset}/{field.name}",
                "name": field.name,
                "dataType": _data_type(field.type),
                "source": {
                    "fileSet": {"@id": f"{subset}-files"},
                    "extract": {"column": field.name},
                },
            }
            for field in flat
        ],
    }


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    return "sc:Integer" if pa.types.is_integer(kind) else "sc:Text"
