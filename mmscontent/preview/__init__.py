"""A message as the phone will show it: one self-contained page to watch, or one picture for a ticket."""

from mmscontent.preview.filmstrip_image import filmstrip
from mmscontent.preview.page import preview

__all__ = ["filmstrip", "preview"]
