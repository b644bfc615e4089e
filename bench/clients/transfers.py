"""Transfers to and from an object store, one after the other: ours, and bare httpx.

A job names one of `MEASURES`, and the presigned URLs, one for each transfer. ``size`` is that of
the body. No message is encoded or decoded here.
"""

from __future__ import annotations

from collections.abc import Callable

from .job import Job, Meter, work

HEADERS = {"Content-Type": "application/json", "x-amz-acl": "bucket-owner-full-control"}
"""What a PUT carries (``docs/protocol.md`` §8)."""


def _progress(_done: int, _total: int | None) -> None:
    """Nobody looks."""


def auxws_anyio(job: Job, meter: Meter, backend: str = "asyncio") -> None:
    import anyio

    from auxws_anyio import HttpClient
    from auxws_proto import GetFromUrl, HttpResponded, PutToUrl, Secret, UrlPolicy

    async def run() -> None:
        client = HttpClient()
        body = b"x" * job.size
        with meter:
            for number, url in enumerate(job.urls):
                request: PutToUrl | GetFromUrl
                if job.mode.endswith("put"):
                    request = PutToUrl(
                        transfer_id=number,
                        method="PUT",
                        url=Secret(url),
                        headers=HEADERS,
                        body=body,
                    )
                else:
                    request = GetFromUrl(
                        transfer_id=number, method="GET", url=Secret(url), headers={},
                        max_bytes=job.size,
                    )  # fmt: skip
                outcome = await client.transfer(
                    request, policy=UrlPolicy(), websocket_url=job.url, timeout=30,
                    progress=_progress,
                )  # fmt: skip
                assert isinstance(outcome, HttpResponded)
                assert outcome.status == 200
        await client.aclose()

    anyio.run(run, backend=backend)


def auxws_sync(job: Job, meter: Meter) -> None:
    from auxws_proto import GetFromUrl, HttpResponded, PutToUrl, Secret, UrlPolicy
    from auxws_sync import HttpClient
    from auxws_sync._transfer import Cancellation

    client = HttpClient()
    body = b"x" * job.size
    with meter:
        for number, url in enumerate(job.urls):
            request: PutToUrl | GetFromUrl
            if job.mode.endswith("put"):
                request = PutToUrl(
                    transfer_id=number, method="PUT", url=Secret(url), headers=HEADERS, body=body
                )
            else:
                request = GetFromUrl(
                    transfer_id=number, method="GET", url=Secret(url), headers={},
                    max_bytes=job.size,
                )  # fmt: skip
            outcome = client.transfer(
                request, policy=UrlPolicy(), websocket_url=job.url, timeout=30,
                progress=_progress, cancellation=Cancellation(),
            )  # fmt: skip
            assert isinstance(outcome, HttpResponded)
            assert outcome.status == 200
    client.close()


def httpx_async(job: Job, meter: Meter) -> None:
    import anyio
    import httpx

    async def run() -> None:
        body = b"x" * job.size
        async with httpx.AsyncClient() as client:
            with meter:
                for url in job.urls:
                    if job.mode.endswith("put"):
                        response = await client.put(url, content=body, headers=HEADERS)
                    else:
                        response = await client.get(url)
                    assert response.status_code == 200

    anyio.run(run)


def httpx_sync(job: Job, meter: Meter) -> None:
    import httpx

    body = b"x" * job.size
    with httpx.Client() as client, meter:
        for url in job.urls:
            if job.mode.endswith("put"):
                response = client.put(url, content=body, headers=HEADERS)
            else:
                response = client.get(url)
            assert response.status_code == 200


CLIENTS: dict[str, Callable[[Job, Meter], None]] = {
    "auxws asyncio": auxws_anyio,
    "auxws trio": lambda job, meter: auxws_anyio(job, meter, "trio"),
    "auxws threads": auxws_sync,
    "httpx async": httpx_async,
    "httpx sync": httpx_sync,
}

if __name__ == "__main__":
    work(lambda job, meter: CLIENTS[job.mode.rpartition(" ")[0]](job, meter))
