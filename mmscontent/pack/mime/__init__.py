"""MIME: multipart/related and mixed, whole messages and mails (RFC 5322, 2045 to 2049, 2387).

The strict writer is our own, since its bytes are counted; the reader stands on the standard library's field parsers.
"""

from mmscontent.pack.mime.read import read_content, read_message
from mmscontent.pack.mime.write import message_body_budget, message_size, write_message

__all__ = ["message_body_budget", "message_size", "read_content", "read_message", "write_message"]
