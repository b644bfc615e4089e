"""Large messages over connections that are lost: nothing is lost with them."""

from __future__ import annotations

import pytest

from tests.drivers.adapter import Case, Driver
from tests.drivers.cut_points import CUTS, LOSSES, PAGE, column, documented, region

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("loss", LOSSES)
async def test_every_cut_of_a_large_send_ends_as_the_page_says(
    driver: Driver, case: Case, loss: str
) -> None:
    page = PAGE.read_text("utf-8")

    cells = await column(driver, loss)

    assert not any(cell.is_lost for cell in cells.values())
    assert {place: str(cell) for place, cell in cells.items()} == {
        (cut, resend): documented(page, cut, loss, resend, case.name)
        for cut in CUTS
        for resend in (False, True)
    }


def test_the_page_counts_no_loss() -> None:
    assert region(PAGE.read_text("utf-8")).endswith("**0 messages lost**.")
