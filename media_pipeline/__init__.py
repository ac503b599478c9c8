"""media_pipeline: Dagster assets that turn photo sources into a media library you can trust."""

__version__ = "0.1.0"
