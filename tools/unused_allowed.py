"""Names that vulture finds unused and that stay, each group with its reason; `make check` reads this file."""

from types import SimpleNamespace

_ = SimpleNamespace()

# Called or read by a framework: uvicorn, SQLAlchemy, Pillow, the io module, the import system.
_.should_exit
_.isolation_level
_.MAX_IMAGE_PIXELS
_.readinto
_.__class__
_.__getattr__
_.__dir__
_.__init_subclass__

# Fields of a profile that no decision reads yet; tests/test_profile_files.py lists them, too.
_.content_disposition
_.group_mms
_.carrier_transcodes

# Read by tests alone: the best total there is, and the vocabulary of what is stripped.
_.total_quality
_.METADATA_WORDS

# Facts that a reader states and nobody asks for yet.
_.pixel_format
_.begin_ms

# Members of request and response bodies: pydantic fills and writes them.
_.clean_text
_.created_at_ms
_.custom_domain
_.error_code
_.error_message
_.group_id
_.message_count
_.mms_count
_.next_cursor
_.pending_message_count
_.permanent
_.remove_protocol
_.report_failover_url
_.request_error
_.sent_at
_.service_exception
_.shorten_url
_.skippable_violations
_.sms_count
_.track_clicks
_.validation_errors
