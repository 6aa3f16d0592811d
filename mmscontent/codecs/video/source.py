"""One film: what it could become, and making that."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.decode import decode_output, encode_input
from mmscontent.codecs.audio.encoders import ENCODERS, AudioEncoder, AudioSetting, encoder_settings, quality_of
from mmscontent.codecs.audio.samples import AudioAnalysis, Samples, analyse_audio
from mmscontent.codecs.base import Rendition, Survey
from mmscontent.codecs.strip_location import without_location
from mmscontent.codecs.video.analyse import AnalysisRequest, PictureCost, analyse
from mmscontent.codecs.video.filter_graph import filter_graph
from mmscontent.codecs.video.fit import EncodedVideo, VideoFitter
from mmscontent.codecs.video.formats import FrameSize, audio_codec_of, choose_format, frames_for, passthrough_blockers
from mmscontent.codecs.video.model import AudioOption, VideoRequest, VideoSetting, best_setting, most_bytes
from mmscontent.codecs.video.verify import facts_of
from mmscontent.errors import DamagedMedia, DoesNotFit, NotAllowed, OverLimits
from mmscontent.ffmpeg import FfmpegSession, ProbeResult, RunLimits, probe
from mmscontent.profiles.model import VideoFormat, VideoRule
from mmscontent.rate_quality import Curve
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmscontent.codecs.base import Effort
    from mmscontent.codecs.video.encode import AudioInput
    from mmscontent.message import MediaInfo
    from mmscontent.profiles.model import Rule

__all__ = ["VideoSource"]

SCALE = "vmaf@480"
MAX_FRAME_PX = 8192 * 4352  # 8K; what is larger is no phone's film
MAX_FRAMES = 250_000  # over an hour at 60 a second
_LEAST_SIDE_PX = 16
_KNOTS = 10
_VIEW_PX = 480
_LOOSENESS = {"aac": 1.03}  # what this coder makes of a rate, at the median
_SILENT_DBFS = -72.0  # a sound track that never rises above this holds nothing to hear


@dataclass(frozen=True, slots=True)
class _DecodedAudio:
    """The sound track, decoded and heard, and how it would be coded."""

    samples: Samples
    analysis: AudioAnalysis
    encoder: AudioEncoder
    settings: tuple[AudioSetting, ...]

    def options(self) -> tuple[AudioOption, ...]:
        return tuple(
            AudioOption(
                round(self.encoder.size_of(s, self.samples.frames_at(s.sample_rate_hz)) * _LOOSENESS.get(s.codec, 1.0)),
                quality_of(s, self.analysis.kind),
                key,
            )
            for key, s in enumerate(self.settings)
        )


class VideoSource:
    """A film from the first look to the last encode."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._info = info
        self._kept, self._stripped = without_location(data)
        self._session: FfmpegSession | None = None
        self._effort: Effort = "fast"
        self._wanted = VideoFormat("video/3gpp", "h263")
        self._seen = ProbeResult(None, None)
        self._cost: PictureCost | None = None
        self._audio: _DecodedAudio | None = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give back the folder it works in; leaving a source to be forgotten does the same."""
        session = getattr(self, "_session", None)
        if session is not None:
            session.close()

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Look, listen and analyse; see codecs/base.py.

        Raises:
            DamagedMedia, OverLimits, UnknownMedia: It cannot be used.
            NotAllowed: The receiver plays no film we can make.
        """
        assert isinstance(rule, VideoRule)
        self._effort = effort
        self._probe_source()
        against = passthrough_blockers(self._info, self._seen, rule.formats)
        wanted = choose_format(rule.formats)
        if wanted is None and against:
            raise NotAllowed(f"{self._info.media_type}: of what the receiver plays we write none: {'; '.join(against)}")
        if wanted is None:
            size = len(self._kept)
            return Survey(self._info, Curve.through([(size, 100.0)]), size, size, scale=SCALE, stripped=self._stripped)
        if wanted != self._wanted:
            self._wanted, self._cost, self._audio = wanted, None, None
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
        limit = min(limit_bytes, max(len(self._data), self._floor()), most_bytes(self._request()))
        fitter = self._fitter()
        setting = fitter.aimed(limit) or fitter.aimed(limit_bytes)
        if setting is None:
            raise self._too_large(limit_bytes, self._floor())
        made = fitter.fit(setting, limit)
        smallest = min(made, key=lambda m: len(m.data))
        if len(smallest.data) > limit_bytes:
            raise self._too_large(limit_bytes, len(smallest.data))
        fitting = max((m for m in made if len(m.data) <= limit), key=lambda m: len(m.data), default=smallest)
        return self._rendition(fitting, len(made), fitter.tries)

    def measure(self, data: bytes) -> float | None:
        """VMAF of a rendition on the view of 480 lines; None when the program says none."""
        session, track = self._open(), self._seen.video
        assert track is not None
        made = facts_of(data, self._wanted.media_type)
        frame = self._frame_of(made)
        scale = _VIEW_PX / min(track.width_px, track.height_px)
        width, height = (round(side * scale / 2) * 2 for side in (track.width_px, track.height_px))
        view = FrameSize(width, height, (width, height))
        session.write("rendition", data)
        shown = session.input_node("rendition", "mov")["v:0"].filter("crop", *frame.picture_px)
        shown = shown.filter("scale", width, height, flags="bicubic").filter("format", "yuv420p")
        whole = filter_graph(session.source_node()[str(track.index)], track, view, flags="bicubic")
        # The rendition's pictures, each against the one the film shows at that time.
        graph = ffmpeg.filter([shown, whole], "libvmaf", n_threads=2, ts_sync_mode="nearest")
        said = session.run(ffmpeg.output(graph, "-", f="null"), loglevel="info", limits=RunLimits(wall_s=240))
        score = re.search(r"VMAF score: ([\d.]+)", said)
        return float(score[1]) if score else None

    def _frame_of(self, made: MediaInfo) -> FrameSize:
        """The frame of ours that a rendition was made in."""
        sides = made.width_px or 0, made.height_px or 0
        request = self._request()
        frames = frames_for(request.wanted, request.width_px, request.height_px, request.fps)
        return next((f for f in frames if (f.width_px, f.height_px) == sides), FrameSize(*sides, sides))

    # --- looking -----------------------------------------------------------------------------------------------

    def _open(self) -> FfmpegSession:
        if self._session is None:
            self._session = FfmpegSession(self._data, self._info.media_type)
        return self._session

    def _probe_source(self) -> None:
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

    def _analyse(self) -> PictureCost:
        if self._cost is not None:
            return self._cost
        session, track = self._open(), self._seen.video
        assert track is not None
        said_ms = max(self._info.duration_ms or 0, self._seen.duration_ms)
        way = decode_output(session, self._seen.audio, said_ms) if self._seen.audio else None
        request = AnalysisRequest(track, said_ms, self._capped_fps(track.fps), self._wanted, self._effort)
        self._cost = analyse(session, request, [way.output] if way else [])
        if way is not None:
            self._audio = self._decoded_audio(way.read(session))
        return self._cost

    def _decoded_audio(self, samples: Samples) -> _DecodedAudio | None:
        """The sound as it may be coded; None when there is nothing to hear in it."""
        codec = audio_codec_of(self._wanted)
        encoder = ENCODERS.get((_SOUND_TYPES.get(codec, ""), codec))
        if encoder is None or not samples.frames:
            return None
        analysis = analyse_audio(samples)
        if analysis.peak_dbfs <= _SILENT_DBFS:
            return None
        settings = encoder_settings(encoder.codec, samples.rate_hz, stereo=analysis.stereo and analysis.kind == "music")
        return _DecodedAudio(samples, analysis, encoder, settings)

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
            duration_ms=max(cost.duration_ms, self._audio.samples.duration_ms if self._audio else 0),
            fps=fps,
            width_px=info.width_px or self._seen.video.width_px,
            height_px=info.height_px or self._seen.video.height_px,
            notes=notes,
        )

    def _traits(self) -> Iterator[str]:
        if self._audio is not None:
            yield f"its sound is {self._audio.analysis.kind}"
        if self._seen.video is not None and self._seen.video.is_hdr:
            yield "HDR"

    # --- choosing ----------------------------------------------------------------------------------------------

    def _request(self) -> VideoRequest:
        track, cost = self._seen.video, self._cost
        assert track is not None
        assert cost is not None
        sounds = self._audio.options() if self._audio else ()
        return VideoRequest(self._wanted, track.width_px, track.height_px, cost.fps, cost, sounds)

    def _points(self) -> Iterator[tuple[int, float]]:
        """Knots of the curve, the floor first: each the best choice for a size, sizes in equal steps of proportion."""
        request = self._request()
        most = best_setting(request, 1 << 40)
        if most is None:
            return
        least = self._floor()
        for step in range(_KNOTS):
            size = round(least * (max(most.size_bytes, least) / least) ** (step / (_KNOTS - 1)))
            setting = best_setting(request, size)
            if setting is not None:
                yield size, round(setting.quality, 2)

    def _floor(self) -> int:
        """The smallest size anything can be made of, by halving."""
        request = self._request()
        low, high = 1_000, 2_000
        while best_setting(request, high) is None and high < 1 << 32:
            low, high = high, high * 2
        while high - low > high // 50:
            middle = (low + high) // 2
            low, high = (low, middle) if best_setting(request, middle) is not None else (middle, high)
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

    def _fitter(self) -> VideoFitter:
        track = self._seen.video
        assert track is not None
        fps = self._capped_fps(track.fps)
        return VideoFitter(self._open(), track, self._request(), self._effort, fps, self._audio_input_for)

    def _audio_input_for(self, setting: VideoSetting) -> AudioInput | None:
        """How a choice's sound is made beside the picture."""
        if self._audio is None or setting.sound is None:
            return None
        audio_setting = self._audio.settings[setting.sound.key]
        samples = self._audio.samples.processed(gain_db=0.0, mono=audio_setting.channels == 1)
        return encode_input(self._open(), samples, self._audio.encoder, audio_setting)

    def _rendition(self, made: EncodedVideo, encodes: int, tries: list[str]) -> Rendition:
        return Rendition(
            made.data,
            replace(facts_of(made.data, self._wanted.media_type), notes=()),
            encodes,
            predicted_quality=round(made.setting.picture_quality, 1),
            stripped=self._info.metadata,
            tries=tuple(tries),
            notes=tuple(self._notes(made.setting)),
        )

    def _notes(self, setting: VideoSetting) -> Iterator[str]:
        track = self._seen.video
        assert track is not None
        if track.is_hdr:
            yield f"its HDR colours ({track.transfer}) were mapped to those of ordinary screens"
        if track.turned:
            yield "turned upright"
        shown = setting.fps or self._capped_fps(track.fps) or track.fps
        if shown < track.fps * 0.9:
            yield f"{shown:g} of its {track.fps:g} frames a second are shown"
        if self._seen.audio is not None and setting.sound is None:
            yield "its sound track holds nothing that can be heard and is left out"
        if self._audio is not None and setting.sound is not None:
            yield f"its sound, taken for {self._audio.analysis.kind}: {self._audio.settings[setting.sound.key]}"


_SOUND_TYPES = {"aac": "audio/mp4", "amr-nb": "audio/3gpp"}
