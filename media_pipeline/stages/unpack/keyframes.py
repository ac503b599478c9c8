"""Which of the pictures that were looked at stand for a video. Pure.

One for each shot, of the longest where there are too many; a long shot has one for every ten seconds. Pictures with
nothing on them, as between two scenes, stand for no shot; where there are no others, for the video.

What is not here: the looking (frames.py), the shots (shots.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media_pipeline.stages.unpack.shots import Glimpse, Shot

VERSION = "1"
# One picture for so many seconds of a shot.
SPACING_S = 10.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A picture that was chosen, by its place among the glimpses, and its shot, by its number."""

    place: int
    shot: int


def chosen(glimpses: Sequence[Glimpse], shots: Sequence[Shot], *, most: int, spacing_pts: float) -> list[Choice]:
    """At most `most`, in the order in which they are shown."""
    of_shot: dict[int, list[int]] = {}
    is_filled = any(not glimpse.is_empty for glimpse in glimpses)
    for place, glimpse in enumerate(glimpses):
        if glimpse.is_empty and is_filled:
            continue
        shot = next((n for n, shot in enumerate(shots) if shot.start_pts <= glimpse.pts < shot.end_pts), None)
        if shot is not None:
            of_shot.setdefault(shot, []).append(place)
    lengths = {shot: shots[shot].end_pts - shots[shot].start_pts for shot in of_shot}
    longest = sorted(of_shot, key=lambda shot: (-lengths[shot], shot))[:most]
    counts = dict.fromkeys(longest, 1)
    for _ in range(most - len(longest)):
        # The next goes to the shot whose pictures stand for the most seconds each.
        open_to_more = [
            shot for shot in longest if counts[shot] < len(of_shot[shot]) and lengths[shot] > counts[shot] * spacing_pts
        ]
        if not open_to_more:
            break
        counts[max(open_to_more, key=lambda shot: (lengths[shot] / counts[shot], -shot))] += 1
    found = [
        Choice(place, shot)
        for shot, count in counts.items()
        for place in _spread(glimpses, of_shot[shot], shots[shot], count)
    ]
    return sorted(found, key=lambda choice: choice.place)


def poster(glimpses: Sequence[Glimpse], choices: Sequence[Choice]) -> int:
    """Which of the choices stands for the whole: the one with the most contrast, the first of equals."""
    return max(range(len(choices)), key=lambda n: (round(glimpses[choices[n].place].contrast, 3), -n))


def _spread(glimpses: Sequence[Glimpse], places: Sequence[int], shot: Shot, count: int) -> list[int]:
    """Those nearest to the middles of `count` equal parts of the shot."""
    left, found = list(places), []
    for part in range(count):
        middle = shot.start_pts + (shot.end_pts - shot.start_pts) * (2 * part + 1) / (2 * count)
        nearest = min(left, key=lambda place: (abs(glimpses[place].pts - middle), place))
        left.remove(nearest)
        found.append(nearest)
    return found
