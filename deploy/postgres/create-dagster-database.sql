-- Runs once, on an empty volume. Dagster must not share the catalog's database: the user `media` has the schema `media`
-- on its search path, so that Dagster takes the catalog's alembic_version for its own and ends with «Can't locate
-- revision».
create database dagster;
