"""The functions that fit a message to a receiver and pack it; each builds one request and runs the pipeline with it.

The package, the command, the batch and the gateway call these and nothing below them. The steps are in pipeline/run.py.
"""

from __future__ import annotations

from mmscontent.codecs.base import Effort
from mmscontent.errors import DoesNotFit
from mmscontent.ledger import Ledger
from mmscontent.message import Content, Envelope, Message
from mmscontent.pack import registry as pack
from mmscontent.pipeline.estimate import Estimator
from mmscontent.pipeline.request import Composed, ComposeRequest, IfNotFit, Outcome
from mmscontent.pipeline.run import run
from mmscontent.pipeline.transcode import SandboxTranscoder
from mmscontent.profiles.model import Profile
from mmscontent.smil.resolve import message_of

__all__ = ["Composed", "Outcome", "adapt", "attempt", "check", "compose", "compose_all"]


def compose(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    measure: bool = False,
    smil: bytes | None = None,
    if_not_fit: IfNotFit = "fail",
) -> Composed:
    """Fit a message to a receiver and pack it.

    Args:
        message: Slides and attachments.
        profile: What the receiver accepts (`load_profile`).
        envelope: Who sends to whom; an empty one when None.
        encoding: `pdu`, `mime` or another row of `pack.registry.ENCODINGS`.
        effort: `fast`, or `best` for up to four times the time and the last point of quality.
        measure: Measure the quality of each result, not only predict it.
        smil: A presentation that plays these parts by their names. It is kept, with its sources renamed, where it
            plays without a fault, and written anew, with a warning, where it does not. One with places such as
            `{{0}}` and `{{text}}` is a template that is filled (smil/template.py).
        if_not_fit: What may be given up when it does not fit: `fail` nothing; `drop` parts; `poster` sends a still in
            place of what moves; `trim` cuts videos and audio; `accept_quality` goes below the quality that a kind
            needs to be of use; `split` is for `compose_all`. The ledger says what was done: `remedy`, decisions,
            warnings.

    Raises:
        SourceError: A part is at fault; it is named.
        DoesNotFit: No rendition is small enough; `options` says what would be.
        NotAllowed: The receiver accepts no such part.
        EngineError: One of our own tools is missing or failed.
    """
    request = ComposeRequest(message, profile, envelope or Envelope(), encoding, effort, if_not_fit, measure, smil)
    messages = _messages(request)
    if len(messages) > 1:
        # Half of a split must not look like the whole message: the caller asks for all of it by name.
        remedy = messages[0].ledger.remedy
        raise DoesNotFit(
            f"the message needs {len(messages)} messages; compose_all() returns them",
            limit_bytes=profile.limit_bytes,
            smallest_bytes=sum(len(one.data) for one in messages),
            options=[remedy.as_json()] if remedy else (),
        )
    return messages[0]


def compose_all(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    measure: bool = False,
    smil: bytes | None = None,
    if_not_fit: IfNotFit = "split",
) -> tuple[Composed, ...]:
    """`compose`, as several messages where one does not hold it: each complete in itself, in order.

    A slide's text goes with each of its media; the subject is numbered; each ledger lists every part, those of the
    other messages as left out of this one. Ids of the envelope get the number of the message after the first. A message
    that does not hold all parts has a presentation of ours. Arguments and errors are those of `compose`; any other
    `if_not_fit` than `split` gives one message.
    """
    request = ComposeRequest(message, profile, envelope or Envelope(), encoding, effort, if_not_fit, measure, smil)
    return _messages(request)


def check(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    if_not_fit: IfNotFit = "fail",
) -> Ledger:
    """Predict what `compose` would do, as a ledger; a refusal is a ledger with `fits` false and options.

    Nothing is encoded in full: sizes, sides and qualities of results are predicted, decisions and limits are those of
    `compose`. Stills are judged by their headers where these leave no doubt, so damage among their pixels shows only
    when they are composed. Arguments are those of `compose`.

    Raises:
        SourceError: A part is at fault; it is named.
        EngineError: One of our own tools is missing or failed.
    """
    return run(ComposeRequest(message, profile, envelope or Envelope(), encoding, effort, if_not_fit), Estimator).ledger


def adapt(
    message: bytes | Content,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "mime",
    effort: Effort = "fast",
    if_not_fit: IfNotFit = "fail",
) -> Composed:
    """Fit an existing MMS to another receiver: its slides, order and timing stay, its parts are fitted anew.

    The message is any wire form that `unpack` reads, or its content; its own envelope is kept when none is given. The
    other arguments and errors are those of `compose`.

    Raises:
        MalformedContent: The message cannot be read.
    """
    if isinstance(message, bytes):
        unpacked = pack.unpack(message)
        message, envelope = unpacked.content, envelope or unpacked.envelope
    # The presentation is kept where it plays; the slides are read from it in any case.
    smil = message.presentation.data if message.presentation is not None else None
    return compose(
        message_of(message),
        profile,
        envelope=envelope,
        encoding=encoding,
        effort=effort,
        smil=smil,
        if_not_fit=if_not_fit,
    )


def attempt(
    message: Message,
    profile: Profile,
    *,
    envelope: Envelope | None = None,
    encoding: str = "pdu",
    effort: Effort = "fast",
    measure: bool = False,
    smil: bytes | None = None,
    if_not_fit: IfNotFit = "fail",
) -> Outcome:
    """`compose_all`, with a refusal returned beside its ledger instead of raised.

    Raises:
        SourceError: A part is at fault; it is named.
        EngineError: One of our own tools is missing or failed.
    """
    request = ComposeRequest(message, profile, envelope or Envelope(), encoding, effort, if_not_fit, measure, smil)
    return run(request, SandboxTranscoder)


def _messages(request: ComposeRequest) -> tuple[Composed, ...]:
    outcome = run(request, SandboxTranscoder)
    if outcome.refusal is not None:
        raise outcome.refusal
    return outcome.messages
