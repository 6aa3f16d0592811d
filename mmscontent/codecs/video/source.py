"""One film: what it could become, and making that."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.decode import coding, decoding
from mmscontent.codecs.audio.encoders import CODERS, Coder, Setting, quality_of, settings_for
from mmscontent.codecs.audio.samples import Heard, Samples, listen
from mmscontent.codecs.base import Rendition, Survey
from mmscontent.codecs.strip_location import without_location
from mmscontent.codecs.video.analyse import Cost, Look, analyse
from mmscontent.codecs.video.filter_graph import shaped
from mmscontent.codecs.video.fit import Film, Fitter
from mmscontent.codecs.video.formats import Frame, choose_format, frames_for, sound_codec_of, why_not_kept
from mmscontent.codecs.video.model import Choice, SoundWay, Want, best_choice, most_bytes
from mmscontent.codecs.video.verify import facts_of
from mmscontent.errors import DamagedMedia, DoesNotFit, NotAllowed, OverLimits
from mmscontent.ffmpeg import Bounds, Room, Seen, probe
from mmscontent.profiles.model import VideoFormat, VideoRule
from mmscontent.rate_quality import Curve
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.codecs.base import Effort
    from mmscontent.codecs.video.encode import Sound
    from mmscontent.message import MediaInfo
    from mmscontent.profiles.model import Rule

__all__ = ["FilmSource"]

SCALE = "vmaf@480"
MAX_FRAME_PX = 8192 * 4352  # 8K; what is larger is no phone's film
MAX_FRAMES = 250_000  # over an hour at 60 a second
_LEAST_SIDE_PX = 16
_KNOTS = 10
_VIEW_PX = 480
_LOOSENESS = {"aac": 1.03}  # what this coder makes of a rate, at the median
_SILENT_DBFS = -72.0  # a sound track that never rises above this holds nothing to hear


@dataclass(frozen=True, slots=True)
class _Sound:
    """The sound track, decoded and heard, and how it would be coded."""

    samples: Samples
    heard: Heard
    coder: Coder
    settings: tuple[Setting, ...]

    def ways(self) -> tuple[SoundWay, ...]:
        return tuple(
            SoundWay(
                round(self.coder.size_of(s, self.samples.frames_at(s.sample_rate_hz)) * _LOOSENESS.get(s.codec, 1.0)),
                quality_of(s, self.heard.kind),
                key,
            )
            for key, s in enumerate(self.settings)
        )


class FilmSource:
    """A film from the first look to the last encode."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._info = info
        self._kept, self._stripped = without_location(data)
        self._room: Room | None = None
        self._effort: Effort = "fast"
        self._wanted = VideoFormat("video/3gpp", "h263")
        self._seen = Seen(None, None)
        self._cost: Cost | None = None
        self._sound: _Sound | None = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give back the folder it works in; leaving a source to be forgotten does the same."""
        room = getattr(self, "_room", None)
        if room is not None:
            room.close()

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Look, listen and analyse; see codecs/base.py.

        Raises:
            DamagedMedia, OverLimits, UnknownMedia: It cannot be used.
            NotAllowed: The receiver plays no film we can make.
        """
        assert isinstance(rule, VideoRule)
        self._effort = effort
        self._look()
        against = why_not_kept(self._info, self._seen, rule.formats)
        wanted = choose_format(rule.formats)
        if wanted is None and against:
            raise NotAllowed(f"{self._info.media_type}: of what the receiver plays we write none: {'; '.join(against)}")
        if wanted is None:
            size = len(self._kept)
            return Survey(self._info, Curve.through([(size, 100.0)]), size, size, scale=SCALE, stripped=self._stripped)
        if wanted != self._wanted:
            self._wanted, self._cost, self._sound = wanted, None, None
        if not self._analyse().clean:
            against = (*against, "it does not decode cleanly")
        keep_bytes = None if against else len(self._kept)
        points = list(self._points())
        if not points:
            raise NotAllowed(f"no frame of {wanted.media_type} {wanted.codec} holds this film")
        return Survey(
            self._facts(),
            Curve.through(points),
            points[0][0],
            keep_bytes,
            scale=SCALE,
            reasons=against,
            traits=tuple(self._traits()),
            stripped=self._stripped if keep_bytes else self._info.metadata,
        )

    def keep(self) -> Rendition:
        """The film as it came, without positions."""
        info = replace(sniff(self._kept), notes=(), duration_ms=self._facts().duration_ms)
        return Rendition(self._kept, info, 0, stripped=self._stripped)

    def render(self, limit_bytes: int) -> Rendition:
        """The best rendition of at most *limit_bytes*; see codecs/base.py.

        Raises:
            DoesNotFit: Nothing worth sending is that small.
        """
        limit = min(limit_bytes, max(len(self._data), self._floor()), most_bytes(self._want()))
        fitter = self._fitter()
        choice = fitter.aimed(limit) or fitter.aimed(limit_bytes)
        if choice is None:
            raise self._too_large(limit_bytes, self._floor())
        made = fitter.fit(choice, limit)
        smallest = min(made, key=lambda m: len(m.data))
        if len(smallest.data) > limit_bytes:
            raise self._too_large(limit_bytes, len(smallest.data))
        fitting = max((m for m in made if len(m.data) <= limit), key=lambda m: len(m.data), default=smallest)
        return self._rendition(fitting, len(made), fitter.tries)

    def measure(self, data: bytes) -> float | None:
        """VMAF of a rendition on the view of 480 lines; None when the program says none."""
        room, track = self._open(), self._seen.video
        assert track is not None
        made = facts_of(data, self._wanted.media_type)
        frame = self._frame_of(made)
        scale = _VIEW_PX / min(track.width_px, track.height_px)
        width, height = (round(side * scale / 2) * 2 for side in (track.width_px, track.height_px))
        view = Frame(width, height, (width, height))
        room.write("rendition", data)
        shown = room.made("rendition", "mov")["v:0"].filter("crop", *frame.picture_px)
        shown = shown.filter("scale", width, height, flags="bicubic").filter("format", "yuv420p")
        whole = shaped(room.source()[str(track.index)], track, view, flags="bicubic")
        # The rendition's pictures, each against the one the film shows at that time.
        graph = ffmpeg.filter([shown, whole], "libvmaf", n_threads=2, ts_sync_mode="nearest")
        said = room.run(ffmpeg.output(graph, "-", f="null"), loglevel="info", bounds=Bounds(wall_s=240))
        score = re.search(r"VMAF score: ([\d.]+)", said)
        return float(score[1]) if score else None

    def _frame_of(self, made: MediaInfo) -> Frame:
        """The frame of ours that a rendition was made in."""
        sides = made.width_px or 0, made.height_px or 0
        want = self._want()
        frames = frames_for(want.wanted, want.width_px, want.height_px, want.fps)
        return next((f for f in frames if (f.width_px, f.height_px) == sides), Frame(*sides, sides))

    # --- looking -----------------------------------------------------------------------------------------------

    def _open(self) -> Room:
        if self._room is None:
            self._room = Room(self._data, self._info.media_type)
        return self._room

    def _look(self) -> None:
        self._refuse_huge(self._info.width_px or 0, self._info.height_px or 0)
        self._seen = probe(self._open())
        track = self._seen.video
        if track is None:
            raise DamagedMedia(f"{self._info.media_type} without a picture track that can be decoded")
        self._refuse_huge(track.width_px, track.height_px)
        frames = (
            max(self._info.fps or 0.0, track.fps) * max(self._info.duration_ms or 0, self._seen.duration_ms) // 1000
        )
        if frames > MAX_FRAMES:
            raise OverLimits(f"it has {frames:,.0f} frames, {MAX_FRAMES:,} are opened; cut it shorter")
        if min(track.width_px, track.height_px) < _LEAST_SIDE_PX:
            raise DamagedMedia(f"its pictures have {track.width_px}×{track.height_px} px, nothing can be seen in them")

    def _refuse_huge(self, width_px: int, height_px: int) -> None:
        if width_px * height_px > MAX_FRAME_PX:
            raise OverLimits(
                f"its frames have {width_px:,} × {height_px:,} px, {MAX_FRAME_PX:,} px in all are opened; scale it down"
            )

    def _analyse(self) -> Cost:
        if self._cost is not None:
            return self._cost
        room, track = self._open(), self._seen.video
        assert track is not None
        said_ms = max(self._info.duration_ms or 0, self._seen.duration_ms)
        way = decoding(room, self._seen.sound, said_ms) if self._seen.sound else None
        look_at = Look(track, said_ms, self._capped_fps(track.fps), self._wanted, self._effort)
        self._cost = analyse(room, look_at, [way.output] if way else [])
        if way is not None:
            self._sound = self._heard(way.read(room))
        return self._cost

    def _heard(self, samples: Samples) -> _Sound | None:
        """The sound as it may be coded; None when there is nothing to hear in it."""
        codec = sound_codec_of(self._wanted)
        coder = CODERS.get((_SOUND_TYPES.get(codec, ""), codec))
        if coder is None or not samples.frames:
            return None
        heard = listen(samples)
        if heard.peak_dbfs <= _SILENT_DBFS:
            return None
        settings = settings_for(coder.codec, samples.rate_hz, stereo=heard.stereo and heard.kind == "music")
        return _Sound(samples, heard, coder, settings)

    def _capped_fps(self, fps: float) -> float | None:
        """The rate to make where the rule allows fewer frames a second than there are; an even share of them."""
        most = self._wanted.max_fps
        if most is None or fps <= most * 1.02:
            return None
        return round(fps / -(-fps // most), 3)

    def _facts(self) -> MediaInfo:
        """The source's facts, its length and frame rate as counted."""
        info, cost = self._info, self._cost
        if cost is None or not cost.counted:
            return info
        notes, said = info.notes, info.duration_ms
        if said is not None and abs(said - cost.duration_ms) > max(1000, cost.duration_ms // 10):
            notes = (*notes, f"its header says {said:,} ms, {cost.duration_ms:,} ms of pictures were decoded")
        fps = info.fps or round(cost.fps, 3)
        assert self._seen.video is not None
        return replace(
            info,
            duration_ms=max(cost.duration_ms, self._sound.samples.duration_ms if self._sound else 0),
            fps=fps,
            width_px=info.width_px or self._seen.video.width_px,
            height_px=info.height_px or self._seen.video.height_px,
            notes=notes,
        )

    def _traits(self) -> Iterator[str]:
        if self._sound is not None:
            yield f"its sound is {self._sound.heard.kind}"
        if self._seen.video is not None and self._seen.video.is_hdr:
            yield "HDR"

    # --- choosing ----------------------------------------------------------------------------------------------

    def _want(self) -> Want:
        track, cost = self._seen.video, self._cost
        assert track is not None
        assert cost is not None
        sounds = self._sound.ways() if self._sound else ()
        return Want(self._wanted, track.width_px, track.height_px, cost.fps, cost, sounds)

    def _points(self) -> Iterator[tuple[int, float]]:
        """Knots of the curve, the floor first: each the best choice for a size, sizes in equal steps of proportion."""
        want = self._want()
        most = best_choice(want, 1 << 40)
        if most is None:
            return
        least = self._floor()
        for step in range(_KNOTS):
            size = round(least * (max(most.size_bytes, least) / least) ** (step / (_KNOTS - 1)))
            choice = best_choice(want, size)
            if choice is not None:
                yield size, round(choice.quality, 2)

    def _floor(self) -> int:
        """The smallest size anything can be made of, by halving."""
        want = self._want()
        low, high = 1_000, 2_000
        while best_choice(want, high) is None and high < 1 << 32:
            low, high = high, high * 2
        while high - low > high // 50:
            middle = (low + high) // 2
            low, high = (low, middle) if best_choice(want, middle) is not None else (middle, high)
        return high

    def _too_large(self, limit_bytes: int, smallest_bytes: int) -> DoesNotFit:
        assert self._cost is not None
        return DoesNotFit(
            f"{self._cost.duration_ms / 1000:.1f} s of film need at least {smallest_bytes:,} bytes,"
            f" {limit_bytes:,} are left for them; cut it shorter or send a picture of it",
            limit_bytes=limit_bytes,
            smallest_bytes=max(smallest_bytes, limit_bytes + 1),
        )

    # --- making ------------------------------------------------------------------------------------------------

    def _fitter(self) -> Fitter:
        track = self._seen.video
        assert track is not None
        fps = self._capped_fps(track.fps)
        return Fitter(self._open(), track, self._want(), self._effort, fps, self._sound_for)

    def _sound_for(self, choice: Choice) -> Sound | None:
        """How a choice's sound is made beside the picture."""
        if self._sound is None or choice.sound is None:
            return None
        setting = self._sound.settings[choice.sound.key]
        samples = self._sound.samples.worked(gain_db=0.0, mono=setting.channels == 1)
        return coding(self._open(), samples, self._sound.coder, setting)

    def _rendition(self, made: Film, encodes: int, tries: list[str]) -> Rendition:
        return Rendition(
            made.data,
            replace(facts_of(made.data, self._wanted.media_type), notes=()),
            encodes,
            predicted_quality=round(made.choice.picture_quality, 1),
            stripped=self._info.metadata,
            tries=tuple(tries),
            notes=tuple(self._said(made.choice)),
        )

    def _said(self, choice: Choice) -> Iterator[str]:
        track = self._seen.video
        assert track is not None
        if track.is_hdr:
            yield f"its HDR colours ({track.transfer}) were mapped to those of ordinary screens"
        if track.turned:
            yield "turned upright"
        shown = choice.fps or self._capped_fps(track.fps) or track.fps
        if shown < track.fps * 0.9:
            yield f"{shown:g} of its {track.fps:g} frames a second are shown"
        if self._seen.sound is not None and choice.sound is None:
            yield "its sound track holds nothing that can be heard and is left out"
        if self._sound is not None and choice.sound is not None:
            yield f"its sound, taken for {self._sound.heard.kind}: {self._sound.settings[choice.sound.key]}"


_SOUND_TYPES = {"aac": "audio/mp4", "amr-nb": "audio/3gpp"}
