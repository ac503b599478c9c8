"""The table of subjects: the file's rows and the commands', written only where something differs, never deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from media_pipeline.errors import ConfigError
from media_pipeline.records import Subject
from media_pipeline.stores.catalog import subjects
from media_pipeline.stores.catalog.subjects import Standing, Written
from media_pipeline.stores.library import Library

FLY_AGARIC = Subject(
    "fly-agaric",
    "taxon",
    "Amanita muscaria",
    rank="species",
    synonyms=("Agaricus muscarius",),
    lists=("b", "a"),
    is_rare=True,
    source_ids={"inaturalist": "48715"},
    options={"flickr": {"tags": ["x"], "n": 1.5, "deep": {"a": True}}},
)
MARKET = Subject("market", "place", "Market", category="eat", city="Madrid", latitude=40.4154, longitude=-3.709)
MOREL = Subject("morel", "taxon", "Morchella")


@pytest.fixture
def catalog(library: Library) -> Iterator[Connection]:
    """One transaction: what a test writes is to be seen by it alone."""
    with library.engine.connect() as connection, connection.begin():
        yield connection


def states(catalog: Connection) -> dict[str, tuple[str, bool]]:
    rows = catalog.execute(text("select subject_id, origin, is_active from media.subjects order by 1"))
    return {row.subject_id: (row.origin, row.is_active) for row in rows}


def test_what_is_written_is_what_is_read(catalog: Connection) -> None:
    """Every field, in the order of ids."""
    assert subjects.sync_file(catalog, "public", [MARKET, FLY_AGARIC]) == Written(added=2)
    assert subjects.all_subjects(catalog, "public") == [FLY_AGARIC, MARKET]
    assert subjects.all_subjects(catalog, "other") == []


def test_the_same_again_writes_nothing(library: Library) -> None:
    """Not even the lock of a row: places and transactions of all rows are those of before."""
    place = text("select array_agg(row(ctid, xmin, xmax, changed_at)::text order by subject_id) from media.subjects")
    with library.engine.begin() as first:
        subjects.sync_file(first, "public", [FLY_AGARIC, MARKET])
        subjects.add(first, "public", MOREL)
    with library.engine.begin() as second:
        before = second.scalar(place)
        assert subjects.sync_file(second, "public", [MARKET, FLY_AGARIC]) == Written()
        assert subjects.add(second, "public", MOREL) == Written()
    with library.engine.begin() as third:
        assert third.scalar(place) == before


def test_only_what_differs_has_changed(library: Library) -> None:
    """And has another time of change; the others keep theirs."""
    times = text("select subject_id, changed_at from media.subjects")
    with library.engine.begin() as first:
        subjects.sync_file(first, "public", [FLY_AGARIC, MARKET])
        before = {row.subject_id: row.changed_at for row in first.execute(times)}
    with library.engine.begin() as second:
        renamed = replace(MARKET, name="Old market")
        assert subjects.sync_file(second, "public", [FLY_AGARIC, renamed]) == Written(changed=1)
        after = {row.subject_id: row.changed_at for row in second.execute(times)}
    assert after["fly-agaric"] == before["fly-agaric"]
    assert after["market"] > before["market"]


def test_what_left_the_file_is_inactive_and_may_come_back(catalog: Connection) -> None:
    """Its row stays, because walks and photos name it; what a command added is not the file's to remove."""
    subjects.add(catalog, "public", MOREL)
    subjects.sync_file(catalog, "public", [FLY_AGARIC, MARKET])
    assert subjects.sync_file(catalog, "public", [MARKET]) == Written(removed=1)
    assert states(catalog) == {"fly-agaric": ("file", False), "market": ("file", True), "morel": ("command", True)}
    assert subjects.sync_file(catalog, "public", [MARKET]) == Written()
    assert subjects.all_subjects(catalog, "public") == [MARKET, MOREL]
    assert subjects.all_subjects(catalog, "public", only_active=False) == [FLY_AGARIC, MARKET, MOREL]
    assert subjects.sync_file(catalog, "public", [MARKET, FLY_AGARIC]) == Written(changed=1)
    assert states(catalog)["fly-agaric"] == ("file", True)


def test_a_row_that_cannot_be_read_today_stays_as_it_was(catalog: Connection) -> None:
    """A slip of the pen does not end a walk."""
    subjects.sync_file(catalog, "public", [FLY_AGARIC, MARKET])
    assert subjects.sync_file(catalog, "public", [MARKET], kept={"fly-agaric", "never-seen"}) == Written()
    assert subjects.all_subjects(catalog, "public") == [FLY_AGARIC, MARKET]


def test_a_command_cannot_change_what_the_file_says(catalog: Connection) -> None:
    """The next run would undo it. Of a table, the other rows are written."""
    subjects.sync_file(catalog, "public", [MARKET])
    with pytest.raises(ConfigError, match=r"^subject market is a row of the file of subjects \(MEDIA_SUBJECTS_PATH\)"):
        subjects.add(catalog, "public", replace(MARKET, name="Other"))
    with pytest.raises(ConfigError, match="change it there"):
        subjects.deactivate(catalog, "public", "market")
    both = [replace(MARKET, name="Other"), MOREL]
    assert subjects.add_all(catalog, "public", both) == Written(added=1, refused=("market",))
    assert subjects.all_subjects(catalog, "public") == [MARKET, MOREL]


def test_the_file_takes_up_what_a_command_added(catalog: Connection) -> None:
    """And a command what has left the file."""
    subjects.add(catalog, "public", MOREL)
    assert subjects.sync_file(catalog, "public", [MOREL]) == Written(changed=1)
    assert states(catalog) == {"morel": ("file", True)}
    subjects.sync_file(catalog, "public", [])
    assert subjects.add(catalog, "public", MOREL) == Written(changed=1)
    assert states(catalog) == {"morel": ("command", True)}


def test_a_command_removes_what_a_command_added(catalog: Connection) -> None:
    """Once; a second time it was not looked for. An id that there is not is a typo."""
    subjects.add(catalog, "public", MOREL)
    assert subjects.deactivate(catalog, "public", "morel")
    assert not subjects.deactivate(catalog, "public", "morel")
    assert states(catalog) == {"morel": ("command", False)}
    with pytest.raises(ConfigError, match="there is no subject morl: `media-pipeline subjects list`"):
        subjects.deactivate(catalog, "public", "morl")


def test_tenants_do_not_meet(catalog: Connection) -> None:
    """The same id in two catalogs is two subjects."""
    subjects.sync_file(catalog, "public", [MARKET])
    subjects.sync_file(catalog, "other", [replace(MARKET, name="Theirs"), MOREL])
    subjects.sync_file(catalog, "other", [])
    assert subjects.all_subjects(catalog, "public") == [MARKET]


def test_two_runs_that_read_one_file_at_once_write_it_once(library: Library) -> None:
    """The second waits for the first, and finds nothing to do."""
    many = [replace(MOREL, subject_id=f"morel-{number}") for number in range(200)]
    start, written = threading.Barrier(2), list[Written]()

    def sync(order: list[Subject]) -> None:
        start.wait(timeout=30)
        with library.engine.begin() as connection:
            written.append(subjects.sync_file(connection, "public", order))

    threads = [threading.Thread(target=sync, args=(order,)) for order in (many, many[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(one.added for one in written) == [0, 200]


def test_a_subject_without_photos_stands_there_with_none(catalog: Connection) -> None:
    """Whatever is inactive does not."""
    subjects.sync_file(catalog, "public", [MARKET])
    subjects.add(catalog, "public", MOREL)
    subjects.deactivate(catalog, "public", "morel")
    assert subjects.standings(catalog, "public") == [Standing(MARKET, "file", 0)]
