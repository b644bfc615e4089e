"""Masking keys: cut from bulk, none twice, none across processes."""

from __future__ import annotations

import itertools

from auxws_proto._mask_keys import MaskKeys


class Source:
    """Bytes that are told apart: the n-th asked-for bulk is all n."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, size: int) -> bytes:
        self.asked.append(size)
        return bytes(itertools.islice(itertools.cycle(range(len(self.asked), 256)), size))


def test_a_thousand_keys_cost_one_call_and_are_cut_in_order() -> None:
    source = Source()
    keys = MaskKeys(source, lambda: 1)

    drawn = b"".join(keys(4) for _ in range(1024))

    assert source.asked == [4096]
    assert drawn == Source()(4096)


def test_no_byte_is_given_twice_when_the_bulk_ends() -> None:
    source = Source()
    keys = MaskKeys(source, lambda: 1)
    keys(4094)

    key = keys(4)

    assert source.asked == [4096, 4096]
    assert key == bytes([2, 3, 4, 5])


def test_more_than_a_bulk_is_asked_for_as_it_is() -> None:
    source = Source()

    assert len(MaskKeys(source, lambda: 1)(5000)) == 5000
    assert source.asked == [5000]


def test_a_child_process_draws_keys_of_its_own() -> None:
    process, source = 1, Source()
    keys = MaskKeys(source, lambda: process)
    keys(4)

    process = 2

    assert keys(4) == bytes([2, 3, 4, 5])
