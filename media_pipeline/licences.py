from media_pipeline.records import Licence


def licence(raw: str | None) -> Licence:
    return Licence("unknown", "unknown", False, raw)
