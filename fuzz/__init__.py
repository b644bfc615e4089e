"""Fuzz targets for the core: ``python -m fuzz --seconds N``.

Coverage-guided with atheris where it is installed, else driven by hypothesis. A target is a
function of bytes that raises if a promise is broken.
"""
