"""The tables of iNaturalist's dump, joined by DuckDB: what its taxa are called, and the photos of some of them.

DuckDB reads the packed files as they are, keeps to MEMORY, and writes what is more than that into the home folder.
Everything is read as text and cast where a join needs it: a line that is broken is counted and left out, and a file
that is cut off is an error before the first row is told. What is not here: what a row means
(sources/inaturalist_open_data.py), the files (dumps.py), what is done with the rows (orchestration/open_data.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from media_pipeline.errors import SourceError
from media_pipeline.records import Subject
from media_pipeline.stores.dumps import Dump, is_packed
from media_pipeline.stores.scratch import passing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY: Final = "512MB"
ROWS_AT_A_TIME: Final = 10_000
# Of broken lines: more are not counted, because each is kept until then.
MOST_COUNTED: Final = 100_000
# So many may go from one edition to the next without a question, also where they are most.
MISSING_UNASKED: Final = 1000


@dataclass(frozen=True, slots=True)
class Tables:
    """The dump, opened: one connection, used by one thread."""

    dump: Dump
    _duck: DuckDBPyConnection
    _ground: Path
    _broken: dict[str, int] = field(default_factory=dict)

    def taxa_of(self, subjects: Sequence[Subject], *, source: str) -> dict[str, list[int]]:
        """The taxa that each subject may be: of its id at the source, else of its name, else of a synonym; all those of
        the first of these that there are."""
        said: list[tuple[str, int, str | None, str | None, str | None]] = [
            (subject.subject_id, place, None, name, subject.rank)
            for subject in subjects
            if not subject.source_ids.get(source)
            for place, name in enumerate((subject.name, *subject.synonyms))
        ]
        said += [
            (subject.subject_id, 0, given, None, None)
            for subject in subjects
            if (given := subject.source_ids.get(source))
        ]
        self._run("create or replace table said (subject_id text, place int, id text, name text, rank text)")
        if said:
            self._run_many("insert into said values (?, ?, ?, ?, ?)", said)
        # A rank that the dump does not know says nothing; a name in use goes before a former one.
        rows = self._run(
            f"""
            with taxa as (
                select try_cast(taxon_id as bigint) as taxon, taxon_id, name, rank, active from {self._table("taxa")}
            ), hits as (
                select subject_id, place, taxon from said join taxa on said.id = taxa.taxon_id where taxon is not null
                union
                select subject_id, place, taxon from said join taxa on lower(said.name) = lower(taxa.name)
                where active = 'true' and taxon is not null and (
                    said.rank is null or lower(said.rank) = taxa.rank
                    or lower(said.rank) not in (select rank from taxa where rank is not null)
                )
            )
            select subject_id, taxon from hits
            qualify rank() over (partition by subject_id order by place) = 1
            order by subject_id, taxon
            """  # noqa: S608
        )
        found: dict[str, list[int]] = {}
        for subject_id, taxon in rows.fetchall():
            found.setdefault(subject_id, []).append(taxon)
        return found

    def find(self, wanted: Mapping[str, int], *, licences: Sequence[str], known: Sequence[str]) -> int:
        """Look for the photos of these subjects (id -> taxon) and all taxa below them, under one of these licences or
        under one that is not `known`; how many rows there are."""
        self._run("create or replace table wanted (subject_id text, taxon bigint)")
        if wanted:
            self._run_many("insert into wanted values (?, ?)", list(wanted.items()))
        self._run(
            f"""
            create or replace table below as
            select distinct subject_id, try_cast(taxon_id as bigint) as taxon_id, name from (
                select taxon_id, name,
                    unnest(string_split(coalesce(ancestry || '/', '') || taxon_id, '/')) as line
                from {self._table("taxa")}
            ) join wanted on wanted.taxon = try_cast(line as bigint)
            where try_cast(taxon_id as bigint) is not null
            """  # noqa: S608
        )
        self._run(
            f"""
            create or replace table seen as
            select try_cast(observation_uuid as uuid) as observation, subject_id, name as taxon_name, latitude,
                longitude, positional_accuracy, quality_grade, observed_on
            from {self._table("observations")} as o join below on below.taxon_id = try_cast(o.taxon_id as bigint)
            where try_cast(observation_uuid as uuid) is not null
            """  # noqa: S608
        )
        self._run(
            f"""
            create or replace table people as
            select try_cast(observer_id as bigint) as observer_id, any_value(coalesce(name, login)) as observer
            from {self._table("observers")} where try_cast(observer_id as bigint) is not null group by all
            """  # noqa: S608
        )
        self._run(
            f"""
            create or replace table found as
            select photo_id, observation::text as observation_uuid, subject_id, taxon_name, extension, license, width,
                height, latitude, longitude, positional_accuracy, quality_grade, observed_on, observer,
                false as is_known
            from {self._table("photos")} as p
            join seen on seen.observation = try_cast(p.observation_uuid as uuid)
            left join people on people.observer_id = try_cast(p.observer_id as bigint)
            where photo_id is not null
                and (list_contains(?, license) or not coalesce(list_contains(?, license), false))
            """,  # noqa: S608
            [list(licences), list(known)],
        )
        return self._count("found")

    def find_known(self, keys: Iterable[bytes], *, licences: Sequence[str]) -> int:
        """Look, after `find`, for photos that are known, under whatever licence and of whatever taxon they are today;
        how many rows there are of all. `keys` are lines of (photo, 1 where it must be in the dump, else 0)."""
        path = self._ground / "known.tsv"
        with path.open("wb") as file:
            file.writelines(keys)
        self._run(
            f"create or replace table known as from read_csv({_quoted(_literally(path))}, delim = '\t', quote = '', "
            "escape = '', header = false, columns = {photo_id: 'text', is_due: 'int'}, auto_detect = false)"
        )
        if self._count("known") == 0:
            self._run("create or replace table there (photo_id text)")
            return self._count("found")
        # The file is read a second time: one pass for both would write all of its photos to the disk, twice.
        self._run(f"create or replace table there as from {self._table('photos')} semi join known using (photo_id)")
        # Words that are no known code were found for the reader to judge; of a known photo they count in any case.
        self._run(
            "delete from found where not coalesce(list_contains(?, license), false) "
            "and photo_id in (select photo_id from there)",
            [list(licences)],
        )
        self._run(
            """
            insert into found
            select photo_id, observation::text, subject_id, taxon_name, extension, license, width, height, latitude,
                longitude, positional_accuracy, quality_grade, observed_on, observer, true
            from (from there anti join found using (photo_id)) as p
            left join seen on seen.observation = try_cast(p.observation_uuid as uuid)
            left join people on people.observer_id = try_cast(p.observer_id as bigint)
            qualify rank() over (partition by photo_id order by observation is null) = 1
            """
        )
        return self._count("found")

    def missing(self) -> int:
        """How many of the known must be in the dump and are not; a photo on a broken line is there."""
        self._run(
            """
            create or replace table missing as
            select photo_id from (from known where is_due = 1) anti join there using (photo_id)
            where photo_id not in (
                select field from (select unnest(string_split(csv_line, chr(9))) as field from reject_errors)
                where field is not null
            )
            """
        )
        return self._count("missing")

    def is_partial(self) -> bool:
        """Where most of the known are missing, it is more likely that these files are a part of a dump."""
        return self._count("missing") > max(MISSING_UNASKED, self._count("known") // 2)

    def missing_keys(self) -> Iterator[list[str]]:
        """A batch at a time."""
        told = self._run("from missing order by photo_id")
        while rows := told.fetchmany(ROWS_AT_A_TIME):
            yield [key for (key,) in rows]

    def _count(self, table: str) -> int:
        return int(self._run(f"select count(*) from {table}").fetchall()[0][0])  # noqa: S608

    def rows(self) -> Iterator[list[tuple[Any, ...]]]:
        """What `find` found, a batch at a time: those of one photo side by side, research grade first, so that the
        same dump always tells the same."""
        told = self._run(
            """
            from found order by try_cast(photo_id as bigint), photo_id, quality_grade = 'research' desc nulls last,
                observation_uuid, subject_id
            """
        )
        while rows := told.fetchmany(ROWS_AT_A_TIME):
            yield rows

    def broken(self) -> dict[str, int]:
        """Lines that are no rows, by the table in which they stand."""
        counted = self._run(
            "select file_path, count(distinct line) from reject_scans join reject_errors using (scan_id, file_id) "
            "group by all"
        )
        tables = {str(path): table for table, path in self.dump.files.items()}
        return {tables[path]: count for path, count in counted.fetchall() if path in tables}

    def _table(self, table: str) -> str:
        """The file as a table of text; nothing in it is quoted, and an empty field is none."""
        columns = ", ".join(f"{_quoted(name)}: 'text'" for name in self.dump.columns[table])
        path = self.dump.files[table]
        packed = "gzip" if is_packed(path) else "none"
        return (
            f"read_csv({_quoted(_literally(path))}, compression = '{packed}', delim = '\t', header = false, skip = 1, "
            f"columns = {{{columns}}}, quote = '', escape = '', nullstr = '', auto_detect = false, "
            f"ignore_errors = true, store_rejects = true, rejects_limit = {MOST_COUNTED})"
        )

    def _run(self, statement: str, values: Sequence[Any] = ()) -> DuckDBPyConnection:
        import duckdb

        try:
            return self._duck.execute(statement, list(values))
        except duckdb.Error as error:
            raise _told(error) from error

    def _run_many(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        self._duck.executemany(statement, values)


@contextmanager
def reading(dump: Dump, *, home: Path, threads: int) -> Iterator[Tables]:
    """The dump's tables; what DuckDB wrote beside its memory is removed at the end, or by the next after `kill -9`."""
    import duckdb

    with (
        passing(home / "dumps" / "spill") as spill,
        duckdb.connect(
            str(spill / "join.duckdb"),
            config={
                "memory_limit": MEMORY,
                "temp_directory": str(spill),
                "threads": threads,
                # A join that just fits into memory leaves none for its own result, and fails: four million photos did
                # so within 1 GB, and not within half of that. Written out by parts from the start, all sizes passed.
                "debug_force_external": "true",
                "preserve_insertion_order": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        ) as duck,
    ):
        yield Tables(dump, duck, spill)


def _told(error: Exception) -> SourceError:
    """DuckDB names the file; the rest of its words is advice on its own options."""
    said = str(error).partition("\n")[0]
    return SourceError(f"the dump cannot be read: {said}; download it again, or make room on the disk of MEDIA_HOME")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literally(path: Path) -> str:
    """DuckDB takes a path for a pattern."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
