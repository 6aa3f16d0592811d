"""Previews of a message as the phone will show it: one self-contained HTML page, or one picture."""

from mmscontent.preview.filmstrip_image import filmstrip
from mmscontent.preview.page import preview

__all__ = ["filmstrip", "preview"]
