"""The library as a whole: what its settings make of its parts."""

from __future__ import annotations

import pytest

from media_pipeline.config import Settings
from media_pipeline.stores.library import open_library_blobs, open_uploads, public_url
from media_pipeline_tests.stores.blob_stores import client_of, served_buckets


@pytest.mark.parametrize("cdn", ["https://cdn.example/pictures", "https://cdn.example/pictures/"])
def test_smaller_pictures_have_a_public_address_and_originals_have_none(cdn: str) -> None:
    """Without the setting nothing has one."""
    settings = Settings.load(cdn_url=cdn)
    key = "media/derived/7/2/thumb.jpg"
    assert public_url(settings, key) == "https://cdn.example/pictures/media/derived/7/2/thumb.jpg"
    assert public_url(settings, "media/uploads/7/original.jpg") is None
    assert public_url(Settings.load(), key) is None


def test_caches_keep_the_librarys_smaller_pictures_and_nothing_of_what_people_put() -> None:
    """Somebody's uploads may change under their names."""
    with served_buckets() as front:
        client = client_of(front)
        client.create_bucket(Bucket="library")
        options = front.options
        settings = Settings.load(
            blob_url="s3://library/own",
            uploads_url="s3://library/theirs",
            s3_endpoint_url=options.endpoint_url,
            s3_access_key=options.access_key,
            s3_secret_key=options.secret_key,
        )
        told = {}
        for place, blobs in (("own", open_library_blobs(settings)), ("theirs", open_uploads(settings))):
            for key in ("media/derived/7/2/thumb.jpg", "media/uploads/7/original.jpg"):
                blobs.put_if_absent(key, b"x", content_type="image/jpeg")
                about = client.head_object(Bucket="library", Key=f"{place}/{key}")
                told[f"{place}/{key}"] = about.get("CacheControl")
    assert {key for key, header in told.items() if header} == {"own/media/derived/7/2/thumb.jpg"}
