"""Open a picture once: limits from the header, one decode, upright, 8-bit sRGB. Pure.

What is not here: colour modes and profiles (colours.py), files that end early (endings.py), what is then made of the
picture (facts.py, hashes.py, quality.py, renditions.py).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from media_pipeline.errors import MediaProcessingError
from media_pipeline.orchestration.hush import as_notes, hushed
from media_pipeline.stages.examine.colours import Profile, depth, plain, reduced
from media_pipeline.stages.examine.endings import ends_early, named, strips_end_early
from media_pipeline.stages.examine.patches import Box, middle, patch_of_jpeg

# The longest edge that anything made from the decoded picture has.
WORKING_EDGE_PX = 1280
# EXIF, XMP or IPTC of a camera has a few kB, with a preview some hundred. What is larger is not parsed.
MAX_WORDS_BYTES = 4 << 20

# What Pillow may try. Its other plug-ins are slow (an icon of Apple took 19 s), run other programs, or are no photos.
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000")

# What turns a picture of each orientation upright. Not ImageOps.exif_transpose: it reads EXIF again, broken or not.
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

IPTC_IN_PHOTOSHOP: Final = 0x0404
IPTC_IN_TIFF: Final = 33723

# What Pillow and its plug-ins raise at files that are not what they seem.
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    ArithmeticError,
    struct.error,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture. `upright` may be smaller than the original; the sizes are the original's, upright. `patch` is
    its middle, not reduced, if it was wanted. `notes` say what of the file could not be used."""

    format: str
    width_px: int
    height_px: int
    orientation: int
    color_mode: str
    frame_count: int
    exif: Image.Exif
    upright: Image.Image
    patch: Image.Image | None
    quantization: tuple[tuple[int, ...], ...] = ()
    xmp: bytes | None = None
    iptc: bytes | None = None
    has_profile: bool = False
    notes: tuple[str, ...] = ()


def opened(data: bytes, *, max_pixels: int, patch: bool = True) -> Picture:
    """The picture; a MediaProcessingError says why there is none. Without its `patch` nothing else of it differs."""
    with hushed(max_pixels) as said:
        with _failures(data):
            image = Image.open(io.BytesIO(data), formats=_formats(data))
        with image:
            picture = _picture(image, data, max_pixels=max_pixels, with_patch=patch)
        return replace(picture, notes=(*picture.notes, *as_notes(said)))


def _picture(image: ImageFile.ImageFile, data: bytes, *, max_pixels: int, with_patch: bool) -> Picture:
    notes: list[str] = []
    color_mode, kind = image.mode, "JPEG" if image.format == "MPO" else str(image.format)
    _check_size(image.size, max_pixels)
    with _failures(data, image):
        # A phone's second picture in a JPEG is a preview or a map of brightness, not a frame.
        frames = 1 if kind == "JPEG" else int(getattr(image, "n_frames", 1))
        size, is_draft = image.size, _drafted(image)
        image.load()
    # The pixels may have another size than the header says (a GIF's frame larger than its screen).
    size = size if is_draft else image.size
    _check_size(size, max_pixels)
    # Only now: Pillow decodes a PNG to see whether EXIF stands behind its pixels.
    exif = _exif(image, notes)
    orientation = _orientation(exif)
    native = patch_of_jpeg(data, middle(size)) if is_draft and with_patch else None
    with _failures(data):
        upright, patch = _pixels(image, notes, native, middle(size) if with_patch and not is_draft else None)
    width, height = size if orientation < 5 else size[::-1]
    return Picture(
        format=kind,
        width_px=width,
        height_px=height,
        orientation=orientation,
        color_mode=color_mode,
        frame_count=frames,
        exif=exif,
        upright=_turned(upright, orientation),
        patch=None if patch is None else _turned(patch, orientation),
        quantization=_quantization(image),
        xmp=_bounded("XMP", _bytes(image.info.get("xmp")), notes),
        iptc=_bounded("IPTC", _iptc(image), notes),
        has_profile=bool(image.info.get("icc_profile")),
        notes=tuple(dict.fromkeys(notes)),
    )


@contextmanager
def _failures(data: bytes, image: Image.Image | None = None) -> Iterator[None]:
    """Whatever a decoder raises, as the reason why this file is no picture."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise MediaProcessingError("too_many_pixels", f"{error}; MEDIA_MAX_PIXELS allows less") from error
    except UnidentifiedImageError as error:
        reason = "truncated" if ends_early(data) else "undecodable"
        raise MediaProcessingError(reason, named(data)) from error
    except _BROKEN as error:
        is_cut = "truncated" in str(error).lower() or ends_early(data) or _tiff_ends_early(image, data)
        reason = "truncated" if is_cut else "undecodable"
        raise MediaProcessingError(reason, (str(error) or type(error).__name__)[:500]) from error


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise MediaProcessingError("undecodable", f"it has no pixels: {width} x {height}")
    if width * height > max_pixels:
        raise MediaProcessingError("too_many_pixels", f"{width} x {height}; MEDIA_MAX_PIXELS allows {max_pixels}")


def _tiff_ends_early(image: Image.Image | None, data: bytes) -> bool:
    return isinstance(image, TiffImagePlugin.TiffImageFile) and strips_end_early(dict(image.tag_v2), len(data))


def _formats(data: bytes) -> tuple[str, ...]:
    if ends_early(data):
        # Before the decoder sees it: WebP, AVIF, HEIF and JPEG 2000 may show a part as if it were the whole.
        raise MediaProcessingError("truncated", "it says itself that there is more of it")
    if data[4:8] != b"ftyp" or data[8:12] in (b"avif", b"avis"):
        return FORMATS
    import pillow_heif  # 25 MB of decoders that most files do not need

    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    return ("HEIF", "AVIF")


def _drafted(image: ImageFile.ImageFile) -> bool:
    """Whether its decoder is going to halve it on the way, so that few of its pixels are ever made.

    A progressive JPEG is decoded in full: most of its cost is to be read at all, and its patch would read it again.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or image.info.get("progressive"):
        return False
    factor = _factor(max(image.size))
    if factor == 1 or image.mode not in ("L", "RGB"):
        return False
    full = image.size
    image.draft(None, (max(1, full[0] // factor), max(1, full[1] // factor)))
    return image.size != full


def _pixels(
    image: Image.Image, notes: list[str], native: Image.Image | None, box: Box | None
) -> tuple[Image.Image, Image.Image | None]:
    """The picture at its working size, and its middle as it is: decoded apart or at this place in the whole."""
    samples = depth(image)
    profile = Profile(image.info.get("icc_profile"), image.mode)
    if profile.note:
        notes.append(profile.note)
    patch = native if box is None else plain(image.crop(box), samples)
    working = reduced(image, _factor(max(image.size)), samples)
    return profile.to_srgb(working), None if patch is None else profile.to_srgb(patch)


def _factor(edge: int) -> int:
    """The largest power of two that leaves the long edge at least as long as anything made from it."""
    return max(factor for factor in (1, 2, 4, 8, 16) if factor == 1 or -(-edge // factor) >= WORKING_EDGE_PX)


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _exif(image: Image.Image, notes: list[str]) -> Image.Exif:
    size = len(image.info.get("exif") or b"")
    if size > MAX_WORDS_BYTES:
        notes.append(f"EXIF of {size >> 20} MB left out")
        return Image.Exif()
    try:
        exif = image.getexif()
    except _BROKEN:
        # A missing fact; the picture is whole.
        notes.append("broken EXIF")
        return Image.Exif()
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            # Pillow reads a directory when it is asked for, and remembers it: later the file is closed.
            exif.get_ifd(directory)
        except _BROKEN:
            notes.append(f"broken EXIF ({directory.name})")
    return exif


def _orientation(exif: Image.Exif) -> int:
    said = exif.get(ExifTags.Base.Orientation, 1)
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


def _quantization(image: Image.Image) -> tuple[tuple[int, ...], ...]:
    tables = getattr(image, "quantization", None)
    if not isinstance(tables, dict):
        return ()
    return tuple(tuple(tables[number]) for number in sorted(tables))


def _iptc(image: Image.Image) -> bytes | None:
    if image.format == "TIFF":
        return _bytes(image.getexif().get(IPTC_IN_TIFF))
    resources = image.info.get("photoshop")
    return _bytes(resources.get(IPTC_IN_PHOTOSHOP)) if isinstance(resources, dict) else None


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return value if isinstance(value, bytes) and value else None


def _bounded(name: str, value: bytes | None, notes: list[str]) -> bytes | None:
    if value is not None and len(value) > MAX_WORDS_BYTES:
        notes.append(f"{name} of {len(value) >> 20} MB left out")
        return None
    return value
