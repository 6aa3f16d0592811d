"""Messages to look at."""

from __future__ import annotations

from gateway_adapter.model import HistoryStep, LogView, MessageView, ReportView, Segment

AT = 1_795_341_600_000
LEDGER: dict[str, object] = {
    "fits": True,
    "limit_bytes": 1_500_000,
    "target_bytes": 1_000_000,
    "limit_source": {"from": "carrier us/t-mobile route long_code"},
    "packed_bytes": 991_203,
    "utilisation": 0.9912,
    "parts": [
        {
            "name": "beach.heic",
            "decision": "transcode",
            "reasons": ["image/heic is not accepted by us/t-mobile", "4032 × 3024 passes the screen"],
            "source": {"media_type": "image/heic", "bytes": 2_811_034, "width_px": 4032, "height_px": 3024},
            "result": {"media_type": "image/jpeg", "bytes": 611_020, "width_px": 1536, "height_px": 2048},
        },
        {
            "name": "voice.amr",
            "decision": "keep",
            "reasons": ["fits as it is"],
            "source": {"media_type": "audio/amr", "bytes": 14_022, "duration_ms": 8400},
            "result": {"media_type": "audio/amr", "bytes": 14_022, "duration_ms": 8400},
        },
    ],
    "warnings": ["the sound is mono"],
}


def report(message_id: str = "m-1", **changes: object) -> ReportView:
    said: dict[str, object] = {
        "message_id": message_id,
        "bulk_id": "b-1",
        "to": "12065550100",
        "sender": "12345",
        "generation": "v2",
        "status": 5,
        "error": 0,
        "sent_at_ms": AT,
        "done_at_ms": AT + 4200,
    }
    return ReportView(**{**said, **changes})  # type: ignore[arg-type]  # as named


DELIVERED = MessageView(
    LogView(report(), "Summer at the sea", (Segment("text", text="Hello"),)),
    "delivered",
    "acme",
    (
        HistoryStep(AT, "accepted", "bulk b-1"),
        HistoryStep(AT + 310, "fitted", "991,203 bytes, rendition 3f2c"),
        HistoryStep(AT + 355, "submitted", "operator id op-7"),
        HistoryStep(AT + 4200, "delivered", "the operator's report"),
    ),
    LEDGER,
    "r" * 64,
    991_203,
    1,
    operator_message_id="op-7",
)
WAITING = MessageView(
    LogView(report("m-2", status=26, done_at_ms=None), "", ()), "accepted", "acme", (HistoryStep(AT, "accepted"),)
)
REFUSED = MessageView(
    LogView(report("m-3", status=52, error=15009, to="1"), "Wrong number", ()),
    "rejected",
    "acme",
    (HistoryStep(AT, "accepted"),),
)
EVIL = "\"><script>alert(1)</script>'<img src=x onerror=alert(1)>&"
HOSTILE = MessageView(
    LogView(report(EVIL, sender=EVIL, to=EVIL, bulk_id=EVIL, campaign_reference=EVIL), EVIL, ()),
    "undeliverable",
    EVIL,
    (HistoryStep(AT, EVIL, EVIL),),
    {
        "fits": False,
        "limit_source": {"from": EVIL},
        "parts": [
            {"name": EVIL, "decision": EVIL, "reasons": [EVIL], "source": {"media_type": EVIL}, "result": EVIL},
            7,
        ],
        "warnings": [EVIL],
    },
    EVIL,
    operator_message_id=EVIL,
)
ALL = (DELIVERED, WAITING, REFUSED, HOSTILE)
