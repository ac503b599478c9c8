"""Every licence that the recorded answers of the sources hold."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from media_pipeline.licences import licence

# fmt: off
_KEYS = frozenset({
    "license", "license_code", "license_url", "License", "LicenseUrl", "LicenseShortName", "UsageTerms",
    "http://purl.org/dc/terms/license",
})
# fmt: on
_RECORDED: dict[str, dict[str | None, str]] = {
    "commons": {
        "cc-by-sa-3.0-de": "CC-BY-SA-3.0-DE",
        "cc-by-sa-4.0": "CC-BY-SA-4.0",
        "pd": "LicenseRef-PD",
        "https://creativecommons.org/licenses/by-sa/3.0/de/deed.en": "CC-BY-SA-3.0-DE",
        "https://creativecommons.org/licenses/by-sa/4.0": "CC-BY-SA-4.0",
        "Creative Commons Attribution-Share Alike 3.0 de": "CC-BY-SA-3.0-DE",
        "Creative Commons Attribution-Share Alike 4.0": "CC-BY-SA-4.0",
        "Public domain": "LicenseRef-PD",
        "CC BY-SA 3.0 de": "CC-BY-SA-3.0-DE",
        "CC BY-SA 4.0": "CC-BY-SA-4.0",
    },
    "flickr": {
        "flickr:0": "LicenseRef-ARR",
        "flickr:1": "CC-BY-NC-SA-2.0",
        "flickr:3": "CC-BY-NC-ND-2.0",
        "flickr:5": "CC-BY-SA-2.0",
    },
    "gbif": {
        "http://creativecommons.org/licenses/by/4.0/": "CC-BY-4.0",
        "https://creativecommons.org/licenses/by/4.0/": "CC-BY-4.0",
        "http://creativecommons.org/licenses/by/4.0/legalcode": "CC-BY-4.0",
        "http://creativecommons.org/licenses/by-nc/4.0/": "CC-BY-NC-4.0",
        "https://creativecommons.org/licenses/by-nc/4.0/": "CC-BY-NC-4.0",
        "http://creativecommons.org/licenses/by-nc/4.0/legalcode": "CC-BY-NC-4.0",
        "http://creativecommons.org/publicdomain/zero/1.0/": "CC0-1.0",
        "http://creativecommons.org/publicdomain/zero/1.0/legalcode": "CC0-1.0",
        "All rights reserved": "LicenseRef-ARR",
        "CC BY": "CC-BY",
        "CC BY-NC-ND": "CC-BY-NC-ND",
    },
    "inaturalist": {
        None: "LicenseRef-ARR",
        "cc0": "CC0-1.0",
        "pd": "LicenseRef-PD",
        "cc-by": "CC-BY",
        "cc-by-sa": "CC-BY-SA",
        "cc-by-nc": "CC-BY-NC",
        "cc-by-nc-sa": "CC-BY-NC-SA",
        "cc-by-nc-nd": "CC-BY-NC-ND",
        "CC-BY": "CC-BY",
        "CC-BY-NC": "CC-BY-NC",
        "CC-BY-NC-SA": "CC-BY-NC-SA",
        "CC-BY-NC-ND": "CC-BY-NC-ND",
    },
    "mushroomobserver": {
        "Creative Commons Wikipedia Compatible v3.0": "CC-BY-SA-3.0",
        "Creative Commons Attribution Non-commercial NoDerivs v.4.0": "CC-BY-NC-ND-4.0",
        "Public Domain": "LicenseRef-PD",
    },
    "openverse": {"cc0": "CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/": "CC0-1.0"},
    "wikipedia": {
        "cc-by-sa-2.0": "CC-BY-SA-2.0",
        "cc-by-sa-4.0": "CC-BY-SA-4.0",
        "CC BY-SA 2.0": "CC-BY-SA-2.0",
        "CC BY-SA 4.0": "CC-BY-SA-4.0",
        "https://creativecommons.org/licenses/by-sa/2.0": "CC-BY-SA-2.0",
        "http://creativecommons.org/licenses/by-sa/4.0": "CC-BY-SA-4.0",
        "Creative Commons Attribution-Share Alike 2.0": "CC-BY-SA-2.0",
        "Creative Commons Attribution-Share Alike 4.0": "CC-BY-SA-4.0",
    },
}


@pytest.mark.parametrize("source", sorted(_RECORDED))
def test_every_recorded_word(shared: Path, source: str) -> None:
    """Each word that a source has for a licence, in all of its recordings, has the meaning written down here."""
    said = {words for path in _files(shared, source) for words in _said(path)}
    assert {words: licence(words).name for words in said} == _RECORDED[source]


def test_no_other_source_speaks_of_licences(shared: Path) -> None:
    """A new recording is not forgotten here."""
    sources = {path.name for path in (shared / "sources" / "recorded").iterdir() if path.is_dir()}
    assert {one for one in sources if any(words for path in _files(shared, one) for words in _said(path))} == set(
        _RECORDED
    )


def test_flickrs_own_table(shared: Path) -> None:
    """The id, the name and the address that Flickr gives for a licence mean the same."""
    text = (shared / "sources/recorded/flickr/licenses_getInfo_2025.xml").read_text("utf-8")
    rows = re.findall(r'<license id="(\d+)" name="([^"]+)" url="([^"]+)"', text)
    assert len(rows) == 17
    for number, name, address in rows:
        by_id = licence(f"flickr:{number}")
        assert (licence(name).name, licence(address).name) == (by_id.name, by_id.name)
        assert by_id.family != "unknown"


def test_commons_says_one_licence_in_four_ways(shared: Path) -> None:
    """Together they mean what each of them means alone."""
    seen = 0
    for source in ("commons", "wikipedia"):
        for path in _files(shared, source):
            for metadata in _values(json.loads(path.read_bytes()), frozenset({"extmetadata"})):
                ways = [metadata.get(key, {}).get("value") for key in ("LicenseUrl", "License", "LicenseShortName")]
                if any(ways):
                    assert licence(*ways).name == licence(metadata["License"]["value"]).name
                    seen += 1
    assert seen == 13


def _files(shared: Path, source: str) -> list[Path]:
    return sorted((shared / "sources" / "recorded" / source).iterdir())


def _said(path: Path) -> Iterator[str | None]:
    flickr = "flickr:" if path.parent.name == "flickr" else ""
    if path.suffix == ".xml":
        yield from (flickr + number for number in re.findall(r' license="(\d+)"', path.read_text("utf-8")))
    elif path.suffix == ".json":
        for words in _values(json.loads(path.read_bytes()), _KEYS):
            words = words["value"] if isinstance(words, dict) else words
            assert words is None or isinstance(words, str | int)
            yield words if words is None else f"{flickr}{words}"
    else:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            yield from (row["license"] for row in csv.DictReader(lines, delimiter="\t") if "license" in row)


def _values(answer: Any, keys: frozenset[str]) -> Iterator[Any]:
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key in keys:
                yield value
            yield from _values(value, keys)
    elif isinstance(answer, list):
        for value in answer:
            yield from _values(value, keys)
