"""``python -m demo.replica``: serve a content folder until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from aiohttp import web

from demo.errors import DemoError
from demo.replica.app import make_app
from demo.replica.state import Replica
from demo.replica.switches import Switches, parse_switches


def main(arguments: list[str] | None = None) -> int:
    """Run the server; return 0 after a signal, 2 when it cannot start."""
    options = _parser().parse_args(arguments)
    with ExitStack() as stack:
        log_file = stack.enter_context(options.log.open("a", encoding="utf-8")) if options.log else None
        try:
            switches = parse_switches(options.switches) if options.switches else Switches()
            replica = Replica(options.content, options.crawl_delay, switches, log_file)
            asyncio.run(_serve(replica, options.port))
        except (DemoError, OSError) as error:
            sys.stderr.write(f"demo.replica: {error}\n")
            return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.replica", description=__doc__)
    parser.add_argument("--content", type=Path, required=True, help="folder made by build_site or small_site")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--crawl-delay", type=float, default=10.0, help="seconds robots.txt asks for (default 10)")
    parser.add_argument("--switches", help="JSON, e.g. '{\"latency_s\": 0.1}'")
    parser.add_argument("--log", type=Path, help="append the access log here as JSON lines")
    return parser


async def _serve(replica: Replica, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(make_app(replica), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
