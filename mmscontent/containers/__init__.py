"""Walks container formats: where each segment, chunk, block, box, directory or tag lies, each format once.

The walkers are bounded iterators over bytes and know neither pixels nor profiles. Sniffing reads facts through them,
stripping writes files without metadata through them, so that both see the same file.
"""
