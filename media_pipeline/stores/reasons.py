"""Why an item has no result: every reason, what it means, and whether it is tried again.

What is not here: the rows that carry them (ledger.py), why something in a source's answer is no listing
(sources/protocol.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item has no result. A passing reason is tried again by itself, a lasting one only when inputs, version or
    a person (`media-pipeline retry`) say so. `first` is what must be done before that can help. `closed_by`: the
    command behind it; `run` where doing it makes the item due, `nothing` where a retry would come to the same."""

    meaning: str
    passing: bool = False
    first: str = ""
    closed_by: Literal["retry", "run", "nothing"] = "retry"


_ANOTHER_FILE = "put a whole file in its place, or leave it"
_ANOTHER_LISTING = "a later listing with another address is tried by itself"

REASONS: Final[Mapping[str, Reason]] = {
    # discover
    "not_of_this_kind": Reason("the source has nothing to say of such a subject"),
    "unknown_subject": Reason(
        "the source does not know it", first="give the subject its id there, or a synonym", closed_by="run"
    ),
    "question_refused": Reason(
        "the source refuses this one question", first="mend the subject's options as the detail says", closed_by="run"
    ),
    "source_refuses": Reason("the source refuses this question, and answers others", passing=True),
    "source_unavailable": Reason("the source does not answer, or says that it cannot", passing=True),
    "unreadable_answer": Reason("the source's answer cannot be read", passing=True),
    "cursor_repeats": Reason(
        "the source's pages go round in a circle; what they held is listed",
        first="it is asked again after MEDIA_RELIST_DAYS",
        closed_by="nothing",
    ),
    "budget_used_up": Reason("what may be asked of the source in a day or hour is used up", passing=True),
    "superseded": Reason(
        "a later page asks for all that is wanted now, or the dump that it asks was replaced", closed_by="nothing"
    ),
    # fetch, from the web
    "licence_refused": Reason("its licence is none that may be fetched", first="add it to MEDIA_FETCH_LICENCES"),
    "below_hq": Reason("its long edge is shorter than HQ asks", first="lower MEDIA_MIN_LONG_EDGE_PX"),
    "opted_out": Reason(
        "its server asks that no AI may use it (X-Robots-Tag)", first="set MEDIA_HONOUR_NOAI=false if you may"
    ),
    "forbidden": Reason("its server does not give it to us", first=_ANOTHER_LISTING, closed_by="nothing"),
    "unreachable": Reason("its server cannot be reached, or breaks off", passing=True),
    "server_error": Reason("its server has an error of its own, or is too busy", passing=True),
    "host_down": Reason("its server failed so often that it is left alone for a while", passing=True),
    "private_address": Reason(
        "its address, or one it leads to, is inside a private network",
        first="name its host in MEDIA_ALLOWED_PRIVATE_HOSTS if it is yours",
    ),
    "too_many_redirects": Reason(
        "its address leads to others without end", first=_ANOTHER_LISTING, closed_by="nothing"
    ),
    "bad_url": Reason("its address is none that can be asked", first=_ANOTHER_LISTING, closed_by="nothing"),
    "too_slow_host": Reason("its server sends it too slowly", passing=True),
    "short_body": Reason("fewer bytes came than were promised", passing=True),
    "html_instead": Reason("a web page came in its place", first=_ANOTHER_LISTING, closed_by="nothing"),
    "not_a_photo": Reason(
        "a drawing, document or sound came where a photo was promised", first=_ANOTHER_LISTING, closed_by="nothing"
    ),
    "placeholder": Reason(
        "it is a picture that says that there is no picture", first=_ANOTHER_LISTING, closed_by="nothing"
    ),
    "tiny": Reason("it is a dot, not a photo", first=_ANOTHER_LISTING, closed_by="nothing"),
    # fetch
    "empty": Reason("the file has no bytes", first=_ANOTHER_FILE, closed_by="run"),
    "not_media": Reason(
        "its bytes are not of a picture, video or sound that is known here", first=_ANOTHER_FILE, closed_by="run"
    ),
    "too_large": Reason("more bytes than MEDIA_MAX_BYTES allows", first="raise MEDIA_MAX_BYTES"),
    "unreadable": Reason("this process may not or cannot read it", passing=True, first="change its owner or mode"),
    "gone": Reason(
        "it was listed, but is no longer there; seen again, it is tried again",
        first="it is tried again when it is seen again",
        closed_by="nothing",
    ),
    "replaced": Reason(
        "it changed after it was listed; its new edition is a listing of its own",
        first="its new edition has a row of its own",
        closed_by="nothing",
    ),
    # unpack
    "no_video_stream": Reason("it is called a video, and has no pictures"),
    "no_sound_stream": Reason("it is called a sound, and has none"),
    "silent_sound": Reason("nothing is heard in it from beginning to end: its picture would be a line"),
    # examine
    "truncated": Reason("the file ends before the picture does", first=_ANOTHER_FILE, closed_by="run"),
    "undecodable": Reason("the decoder refuses it", first=_ANOTHER_FILE, closed_by="run"),
    "too_many_pixels": Reason("its header promises more pixels than allowed", first="raise MEDIA_MAX_PIXELS"),
    "not_a_picture": Reason(
        "the step works on pictures, and this is a video or sound: its frames, or its waveform, stand for it"
    ),
    "sound_has_no_look": Reason("it is the drawing of a sound: two that look alike need not sound alike"),
    # embed, group
    "unreadable_picture": Reason("the model cannot read the picture that was made for it"),
    "flat_picture": Reason("one colour all over: it looks like every other such picture"),
    "model_unavailable": Reason(
        "the model's weights cannot be had or loaded",
        passing=True,
        first="fetch the weights (docs/models.md), or set MEDIA_MODEL=descriptor-512",
    ),
    "crops_off": Reason("parts of pictures get no vectors", first="set MEDIA_CROPS=4", closed_by="run"),
    "nothing_stands_out": Reason("no part of the picture draws the eye more than the rest"),
    "needs_clip": Reason("texts have no vectors in this model's space", first="set MEDIA_MODEL=open_clip"),
    "not_calibrated": Reason("nobody has measured which cosine of this model means «the same picture»"),
    # any pool worker
    "worker_died": Reason("the worker process ended while it held this item", passing=True),
    "too_slow": Reason("it needed longer than allowed", passing=True, first="raise MEDIA_ITEM_SECONDS"),
    "out_of_memory": Reason("it needed more memory than allowed", passing=True, first="raise MEDIA_ITEM_MEMORY_MB"),
    # any stage
    "blob_lost": Reason("its file is missing from the library, or damaged", first="restore the blobs from a backup"),
    "upstream_failed": Reason("an earlier output has no result for it"),
    "unexpected": Reason("an error that this version does not know: a bug, please report it"),
}
