"""Interop: our gateway and our clients against software that we did not write.

``nox -s interop`` installs the peers, runs these tests and keeps the table in ``docs/interop.md``.
"""
