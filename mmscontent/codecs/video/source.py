"""The codec of video: predicts what one video can become within a limit, and encodes that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import ffmpeg  # type: ignore[import-untyped,unused-ignore]

from mmscontent.codecs.audio.decode import decode_output, encode_input
from mmscontent.codecs.audio.encoders import ENCODERS, AudioEncoder, AudioSetting, encoder_settings, quality_of
from mmscontent.codecs.audio.samples import AudioAnalysis, Samples, analyse_audio
from mmscontent.codecs.audio.verify import sniff_result
from mmscontent.codecs.base import Effort, Rendition, Survey
from mmscontent.codecs.strip_location import without_location
from mmscontent.codecs.video.analyse import AnalysisRequest, PictureCost, analyse
from mmscontent.codecs.video.filter_graph import filter_graph
from mmscontent.codecs.video.fit import EncodedVideo, VideoFitter
from mmscontent.codecs.video.formats import FrameSize, audio_codec_of, choose_format, frames_for, passthrough_blockers
from mmscontent.codecs.video.model import AudioOption, VideoRequest, VideoSetting, best_setting, most_bytes
from mmscontent.errors import DamagedMedia, DoesNotFit, NotAllowed, OverLimits
from mmscontent.ffmpeg import FfmpegSession, ProbeResult, RunLimits, probe
from mmscontent.message import MediaInfo
from mmscontent.profiles.model import Rule, VideoFormat, VideoRule
from mmscontent.rate_quality import Curve
from mmscontent.sniff import sniff

if TYPE_CHECKING:
    from mmscontent.codecs.video.encode import AudioInput

SCALE = "vmaf@480"
# 8K; no phone records a larger frame.
MAX_FRAME_PX = 8192 * 4352
# Over an hour at 60 a second.
MAX_FRAMES = 250_000
# One macroblock; a smaller picture shows nothing.
_MIN_SIDE_PX = 16
# Points of the curve.
_KNOTS = 10
_VIEW_PX = 480
# Size over the stated rate, at the median.
_OVERSHOOT = {"aac": 1.03}
# An audio track that never exceeds this is silent.
_SILENT_DBFS = -72.0


@dataclass(frozen=True, slots=True)
class _DecodedAudio:
    """The audio track, decoded and analysed, and how it may be encoded."""

    samples: Samples
    analysis: AudioAnalysis
    encoder: AudioEncoder
    settings: tuple[AudioSetting, ...]

    def options(self) -> tuple[AudioOption, ...]:
        return tuple(
            AudioOption(
                round(self.encoder.size_of(s, self.samples.frames_at(s.sample_rate_hz)) * _OVERSHOOT.get(s.codec, 1.0)),
                quality_of(s, self.analysis.kind),
                key,
            )
            for key, s in enumerate(self.settings)
        )


class VideoSource:
    """One video; see MediaSource in codecs/base.py."""

    def __init__(self, data: bytes, info: MediaInfo) -> None:
        self._data = data
        self._info = info
        self._kept, self._stripped = without_location(data)
        self._session: FfmpegSession | None = None
        self._effort: Effort = "fast"
        self._wanted = VideoFormat("video/3gpp", "h263")
        self._probed = ProbeResult(None, None)
        self._cost: PictureCost | None = None
        self._audio: _DecodedAudio | None = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Delete the working folder; garbage collection of the source does the same."""
        session = getattr(self, "_session", None)
        if session is not None:
            session.close()

    def survey(self, rule: Rule, effort: Effort) -> Survey:
        """Probe and analyse; see codecs/base.py.

        Raises:
            DamagedMedia, OverLimits, UnknownMedia: The source cannot be used.
            NotAllowed: The receiver plays no format that can be encoded.
        """
        assert isinstance(rule, VideoRule)
        self._effort = effort
        self._probe_source()
        against = passthrough_blockers(self._info, self._probed, rule.formats)
        wanted = choose_format(rule.formats)
        if wanted is None and against:
            why = "; ".join(against)
            raise NotAllowed(f"{self._info.media_type}: no format that the receiver plays can be encoded: {why}")
        if wanted is None:
            size = len(self._kept)
            return Survey(self._info, Curve.through([(size, 100.0)]), size, size, scale=SCALE, stripped=self._stripped)
        if wanted != self._wanted:
            self._wanted, self._cost, self._audio = wanted, None, None
        if not self._analyse().clean:
            against = (*against, "it does not decode without errors")
        keep_bytes = None if against else len(self._kept)
        points = list(self._points())
        if not points:
            raise NotAllowed(f"no frame size of {wanted.media_type} {wanted.codec} holds this video")
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
        """Return the source without its location metadata, its coded tracks unchanged."""
        info = replace(sniff(self._kept), notes=(), duration_ms=self._facts().duration_ms)
        return Rendition(self._kept, info, 0, stripped=self._stripped)

    def render(self, limit_bytes: int) -> Rendition:
        """Return the best rendition of at most *limit_bytes*; see codecs/base.py.

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
        """Return VMAF of a rendition at the view of 480 lines; None when FFmpeg reports none."""
        session, track = self._open(), self._probed.video
        assert track is not None
        made = sniff_result(data, self._wanted.media_type)
        frame = self._frame_of(made)
        scale = _VIEW_PX / min(track.width_px, track.height_px)
        width, height = (round(side * scale / 2) * 2 for side in (track.width_px, track.height_px))
        view = FrameSize(width, height, (width, height))
        session.write("rendition", data)
        shown = session.input_node("rendition", "mov")["v:0"].filter("crop", *frame.picture_px)
        shown = shown.filter("scale", width, height, flags="bicubic").filter("format", "yuv420p")
        whole = filter_graph(session.source_node()[str(track.index)], track, view, flags="bicubic")
        # Each frame of the rendition against the one that the source shows at that time.
        graph = ffmpeg.filter([shown, whole], "libvmaf", n_threads=2, ts_sync_mode="nearest")
        said = session.run(ffmpeg.output(graph, "-", f="null"), loglevel="info", limits=RunLimits(wall_s=240))
        score = re.search(r"VMAF score: ([\d.]+)", said)
        return float(score[1]) if score else None

    def _frame_of(self, made: MediaInfo) -> FrameSize:
        """Return the frame size that a rendition was encoded at."""
        sides = made.width_px or 0, made.height_px or 0
        request = self._request()
        frames = frames_for(request.wanted, request.width_px, request.height_px, request.fps)
        return next((f for f in frames if (f.width_px, f.height_px) == sides), FrameSize(*sides, sides))

    def _open(self) -> FfmpegSession:
        if self._session is None:
            self._session = FfmpegSession(self._data, self._info.media_type)
        return self._session

    def _probe_source(self) -> None:
        self._refuse_huge(self._info.width_px or 0, self._info.height_px or 0)
        self._probed = probe(self._open())
        track = self._probed.video
        if track is None:
            raise DamagedMedia(f"the {self._info.media_type} has no video track that can be decoded")
        self._refuse_huge(track.width_px, track.height_px)
        frames = (
            max(self._info.fps or 0.0, track.fps) * max(self._info.duration_ms or 0, self._probed.duration_ms) // 1000
        )
        if frames > MAX_FRAMES:
            raise OverLimits(f"it has {frames:,.0f} frames, {MAX_FRAMES:,} are accepted; trim it")
        if min(track.width_px, track.height_px) < _MIN_SIDE_PX:
            raise DamagedMedia(f"its pictures have {track.width_px}×{track.height_px} px, too small to show anything")

    def _refuse_huge(self, width_px: int, height_px: int) -> None:
        if width_px * height_px > MAX_FRAME_PX:
            raise OverLimits(
                f"its frames have {width_px:,} × {height_px:,} px, {MAX_FRAME_PX:,} in all are accepted; scale it down"
            )

    def _analyse(self) -> PictureCost:
        if self._cost is not None:
            return self._cost
        session, track = self._open(), self._probed.video
        assert track is not None
        said_ms = max(self._info.duration_ms or 0, self._probed.duration_ms)
        way = decode_output(session, self._probed.audio, said_ms) if self._probed.audio else None
        request = AnalysisRequest(track, said_ms, self._capped_fps(track.fps), self._wanted, self._effort)
        self._cost = analyse(session, request, [way.output] if way else [])
        if way is not None:
            self._audio = self._decoded_audio(way.read(session))
        return self._cost

    def _decoded_audio(self, samples: Samples) -> _DecodedAudio | None:
        """Analyse the audio and list how it may be encoded; None when it is silent."""
        codec = audio_codec_of(self._wanted)
        encoder = ENCODERS.get((_AUDIO_TYPES.get(codec, ""), codec))
        if encoder is None or not samples.frames:
            return None
        analysis = analyse_audio(samples)
        if analysis.peak_dbfs <= _SILENT_DBFS:
            return None
        settings = encoder_settings(encoder.codec, samples.rate_hz, stereo=analysis.stereo and analysis.kind == "music")
        return _DecodedAudio(samples, analysis, encoder, settings)

    def _capped_fps(self, fps: float) -> float | None:
        """Return an even share of the frame rate where the rule allows fewer frames per second; else None."""
        most = self._wanted.max_fps
        if most is None or fps <= most * 1.02:
            return None
        return round(fps / -(-fps // most), 3)

    def _facts(self) -> MediaInfo:
        """Return the source's facts with the decoded duration and frame rate."""
        info, cost = self._info, self._cost
        if cost is None or not cost.counted:
            return info
        notes, said = info.notes, info.duration_ms
        if said is not None and abs(said - cost.duration_ms) > max(1000, cost.duration_ms // 10):
            notes = (*notes, f"its header says {said:,} ms, but {cost.duration_ms:,} ms of video were decoded")
        fps = info.fps or round(cost.fps, 3)
        assert self._probed.video is not None
        return replace(
            info,
            duration_ms=max(cost.duration_ms, self._audio.samples.duration_ms if self._audio else 0),
            fps=fps,
            width_px=info.width_px or self._probed.video.width_px,
            height_px=info.height_px or self._probed.video.height_px,
            notes=notes,
        )

    def _traits(self) -> Iterator[str]:
        if self._audio is not None:
            yield f"its audio is {self._audio.analysis.kind}"
        if self._probed.video is not None and self._probed.video.is_hdr:
            yield "HDR"

    def _request(self) -> VideoRequest:
        track, cost = self._probed.video, self._cost
        assert track is not None
        assert cost is not None
        audio = self._audio.options() if self._audio else ()
        return VideoRequest(self._wanted, track.width_px, track.height_px, cost.fps, cost, audio)

    def _points(self) -> Iterator[tuple[int, float]]:
        """Yield the points of the curve, smallest first: the best setting per size, sizes in equal ratios."""
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
        """Find the smallest size that any setting fits, by bisection."""
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
            f"{self._cost.duration_ms / 1000:.1f} s of video need at least {smallest_bytes:,} bytes,"
            f" {limit_bytes:,} are left; trim it or send a picture of it",
            limit_bytes=limit_bytes,
            smallest_bytes=max(smallest_bytes, limit_bytes + 1),
        )

    def _fitter(self) -> VideoFitter:
        track = self._probed.video
        assert track is not None
        fps = self._capped_fps(track.fps)
        return VideoFitter(self._open(), track, self._request(), self._effort, fps, self._audio_input_for)

    def _audio_input_for(self, setting: VideoSetting) -> AudioInput | None:
        """Return the audio input of a setting; None for no audio."""
        if self._audio is None or setting.audio is None:
            return None
        audio_setting = self._audio.settings[setting.audio.key]
        samples = self._audio.samples.processed(gain_db=0.0, mono=audio_setting.channels == 1)
        return encode_input(self._open(), samples, self._audio.encoder, audio_setting)

    def _rendition(self, made: EncodedVideo, encodes: int, tries: list[str]) -> Rendition:
        return Rendition(
            made.data,
            replace(sniff_result(made.data, self._wanted.media_type), notes=()),
            encodes,
            predicted_quality=round(made.setting.picture_quality, 1),
            stripped=self._info.metadata,
            tries=tuple(tries),
            notes=tuple(self._notes(made.setting)),
        )

    def _notes(self, setting: VideoSetting) -> Iterator[str]:
        track = self._probed.video
        assert track is not None
        if track.is_hdr:
            yield f"its HDR colours ({track.transfer}) were mapped to SDR"
        if track.turned:
            yield "turned upright"
        shown = setting.fps or self._capped_fps(track.fps) or track.fps
        if shown < track.fps * 0.9:
            yield f"{shown:g} of its {track.fps:g} frames per second are shown"
        if self._probed.audio is not None and setting.audio is None:
            yield "its audio track is silent and was left out"
        if self._audio is not None and setting.audio is not None:
            yield f"its audio, detected as {self._audio.analysis.kind}: {self._audio.settings[setting.audio.key]}"


_AUDIO_TYPES = {"aac": "audio/mp4", "amr-nb": "audio/3gpp"}
