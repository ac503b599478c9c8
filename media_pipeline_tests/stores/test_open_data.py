"""The dump's tables, joined: subjects found by id and name, photos by taxon, broken lines counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_pipeline.errors import SourceError
from media_pipeline.records import Subject
from media_pipeline.sources.inaturalist_open_data import FILES, LICENCES, Row
from media_pipeline.stores import dumps, open_data
from media_pipeline.stores.open_data import Tables
from media_pipeline_tests.open_data_dumps import OBSERVATION, OBSERVATIONS, PHOTOS, TAXA, write_dump

READ = """
import sys
from pathlib import Path
from media_pipeline.sources.inaturalist_open_data import FILES, LICENCES
from media_pipeline.stores import dumps, open_data
home = Path(sys.argv[2])
with open_data.reading(dumps.opened(sys.argv[1], FILES, home=home), home=home, threads=1) as tables:
    print(tables.find({"fungi": 1}, licences=LICENCES, known=LICENCES), flush=True)
    sys.stdin.readline()
    print(sum(len(rows) for rows in tables.rows()), flush=True)
"""


@contextmanager
def _tables(folder: Path) -> Iterator[Tables]:
    home = folder.parent / "home"
    with open_data.reading(dumps.opened(str(folder), FILES, home=home), home=home, threads=2) as tables:
        yield tables
    assert [path for path in (home / "dumps").rglob("*") if path.name != "spill"] == []


def _found(folder: Path, wanted: Mapping[str, int], *codes: str) -> list[Row]:
    with _tables(folder) as tables:
        count = tables.find(wanted, licences=codes or LICENCES, known=LICENCES)
        rows = [Row(*row) for batch in tables.rows() for row in batch]
    assert count == len(rows)
    return rows


def _taxon(identity: str, name: str, rank: str | None = None, **more: object) -> Subject:
    return Subject(identity, "taxon", name, rank, **more)  # type: ignore[arg-type]


def test_a_subject_is_found_by_its_id_else_by_a_name(tmp_path: Path) -> None:
    """In any case, of its rank; the name in use before a synonym; nothing for a name that nothing has."""
    folder = write_dump(tmp_path / "dump")
    with _tables(folder) as tables:
        assert tables.taxa_of(
            [
                _taxon("id", "Anything", source_ids={"inaturalist": "101"}),
                _taxon("wrong-id", "Boletus edulis", source_ids={"inaturalist": "999"}),
                _taxon("name", "boletus EDULIS", "species"),
                _taxon("rank", "Boletus edulis", "genus"),
                _taxon("strange-rank", "Boletus edulis", "mushroom"),
                _taxon("synonym", "Tubiporus edulis", synonyms=("Boletus edulis", "Boletus aereus")),
                _taxon("unknown", "Nothing"),
                _taxon("quote", "O'Neil; drop table taxa"),
            ],
            source="inaturalist",
        ) == {"id": [101], "name": [100], "strange-rank": [100], "synonym": [100]}
        assert tables.taxa_of([], source="inaturalist") == {}


def test_names_of_several_taxa_are_all_told(tmp_path: Path) -> None:
    """Those that are in use: a plant and an insect may have one name."""
    taxa = (*TAXA, ("20", "48460/9", "20", "genus", "Boletus", "true"), ("21", "", "20", "genus", "Boletus", "false"))
    with _tables(write_dump(tmp_path / "dump", taxa=taxa)) as tables:
        assert tables.taxa_of([_taxon("b", "Boletus")], source="inaturalist") == {"b": [10, 20]}


def test_photos_are_found_by_their_taxon_and_those_above_it(tmp_path: Path) -> None:
    """Whole ids of the ancestry: 1 is not above what is below 10 alone."""
    folder = write_dump(tmp_path / "dump")
    assert [(row.photo_id, row.subject_id) for row in _found(folder, {"cep": 100})] == [("11", "cep")]
    assert [row.photo_id for row in _found(folder, {"boletus": 10})] == ["11", "12"]
    assert [(row.photo_id, row.subject_id) for row in _found(folder, {"fungi": 1, "cep": 100})] == [
        ("11", "cep"),
        ("11", "fungi"),
        ("12", "fungi"),
    ]
    assert _found(folder, {"other": 4}) == []
    assert _found(folder, {}) == []


def test_a_row_tells_what_the_four_tables_say(tmp_path: Path) -> None:
    """An empty field is none; who has no name is called by the login."""
    one, other = _found(write_dump(tmp_path / "dump"), {"fungi": 1})
    assert one == Row(
        *("11", OBSERVATION.format(1), "fungi", "Boletus edulis", "jpg", "CC-BY-NC", "1536", "2048"),
        *("60.5", "-151.25", "5", "research", "2017-09-08", "Person Seven"),
    )
    assert (other.latitude, other.observed_on, other.observer) == (None, None, "eight")


def test_a_licence_that_is_not_asked_for_is_left_out_and_an_unknown_one_is_not(tmp_path: Path) -> None:
    """Whoever reads the rows judges what is no known code."""
    photos = (*PHOTOS, ("p", "14", OBSERVATION.format(1), "7", "jpg", "", "1", "1", "0"))
    folder = write_dump(tmp_path / "dump", photos=photos)
    assert [row.photo_id for row in _found(folder, {"fungi": 1}, "CC0")] == ["12", "14"]


def test_of_two_observations_that_of_research_grade_is_first(tmp_path: Path) -> None:
    """In the order of photo ids as numbers."""
    photos = (
        ("p", "9", OBSERVATION.format(2), "7", "jpg", "CC0", "1", "1", "0"),
        ("p", "10", OBSERVATION.format(2), "7", "jpg", "CC0", "1", "1", "0"),
        ("p", "9", OBSERVATION.format(1), "7", "jpg", "CC0", "1", "1", "0"),
    )
    rows = _found(write_dump(tmp_path / "dump", photos=photos), {"fungi": 1})
    one, other = OBSERVATION.format(1), OBSERVATION.format(2)
    assert [(row.photo_id, row.observation_uuid) for row in rows] == [("9", one), ("9", other), ("10", other)]


def test_a_broken_line_is_counted_and_left_out(tmp_path: Path) -> None:
    """Too few fields, quotes that are none, an id that is no number, an observation that is nowhere."""
    photos = (
        ("only", "three", "fields"),
        ("p", '"11', OBSERVATION.format(1), "7", "jpg", "CC0", "1", "1", "0"),
        ("p", "12", "no uuid", "7", "jpg", "CC0", "1", "1", "0"),
        ("p", "13", OBSERVATION.format(9), "x", "jpg", "CC0", "1", "1", "0"),
        ("p", "14", OBSERVATION.format(1), "x", 'jp"g', "CC0", "1", "1", "0"),
    )
    observations = (("x",), *OBSERVATIONS)
    with _tables(write_dump(tmp_path / "dump", photos=photos, observations=observations)) as tables:
        assert tables.find({"fungi": 1}, licences=LICENCES, known=LICENCES) == 2
        rows = [Row(*row) for batch in tables.rows() for row in batch]
        assert tables.broken() == {"photos": 1, "observations": 1}
    assert [(row.photo_id, row.extension, row.observer) for row in rows] == [
        ("14", 'jp"g', None),
        ('"11', "jpg", "Person Seven"),
    ]


def test_a_file_that_is_cut_off_tells_no_row(tmp_path: Path) -> None:
    """Not even those before the cut."""
    photos = [("p", str(number), OBSERVATION.format(1), "7", "jpg", "CC0", "1", "1", "0") for number in range(1, 9999)]
    folder = write_dump(tmp_path / "dump", photos=photos)
    whole = (folder / "photos.csv.gz").read_bytes()
    (folder / "photos.csv.gz").write_bytes(whole[: len(whole) // 2])
    with _tables(folder) as tables, pytest.raises(SourceError, match=r"photos\.csv\.gz; download it again"):
        tables.find({"fungi": 1}, licences=LICENCES, known=LICENCES)


def test_what_a_killed_reader_wrote_is_swept_by_the_next(tmp_path: Path) -> None:
    """DuckDB's files may be gigabytes; those of a reader that lives stay."""
    folder, home = write_dump(tmp_path / "dump"), tmp_path / "home"
    reader = [sys.executable, "-c", READ, str(folder), str(home)]
    with (
        subprocess.Popen(reader, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as alive,
        subprocess.Popen(reader, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed,
    ):
        assert [reader.stdout and reader.stdout.readline() for reader in (alive, killed)] == ["2\n", "2\n"]
        killed.kill()
        killed.wait()
        assert len(list((home / "dumps").rglob("join.duckdb"))) == 2
        with open_data.reading(dumps.opened(str(folder), FILES, home=home), home=home, threads=1) as tables:
            assert len(list((home / "dumps").rglob("join.duckdb"))) == 2
            assert tables.find({"cep": 100}, licences=LICENCES, known=LICENCES) == 1
        assert alive.communicate("on\n")[0] == "2\n"
    assert [path for path in (home / "dumps").rglob("*") if path.name != "spill"] == []


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    """DuckDB would take it for a pattern, and SQL for its end."""
    folder = write_dump(tmp_path / "d*[1]? 'x'")
    assert [row.photo_id for row in _found(folder, {"cep": 100})] == ["11"]
