"""Pictures that say that there is no picture: servers send them with a good status in place of what is gone.

To add one: the sha256 of the very bytes that a server sent, with what they are. One that only your sources send goes to
`MEDIA_PLACEHOLDERS`. None is listed that was not received and summed here: an invented sum finds nothing, and one that
is copied from elsewhere may be of a photo. What is not here: dots of one pixel, which are told by their size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PLACEHOLDERS: Final[Mapping[str, str]] = {}
