"""Engines: programs and processes the codecs stand on."""
