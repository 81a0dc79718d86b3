"""Network weights: `jaxstyle weights`."""

import argparse

import jaxstyle.network.weights as network
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.network.weights import load


def weights(options: argparse.Namespace) -> int:
    """Lists, fetches, converts or verifies."""
    if options.action == "list":
        for source in network.SOURCES.values():
            path = load.installed(source.name)
            where = str(path) if path else f"not here; jaxstyle weights fetch {source.name}"
            print(f"{source.name:<12}{source.architecture:<7}{source.origin}; {source.licence}\n{'':<12}{where}")
        return 0
    if options.action == "fetch":
        with Interrupt(kept=lambda: "what came so far is kept, and the same command goes on from there"):
            path = network.fetch_weights(options.name, progress=not options.quiet)
        if not options.quiet:
            print(f"{path}: use it with --weights {options.name}")
        return 0
    if options.action == "convert":
        found = network.convert_weights(options.file, options.out, scale=options.scale)
        print(f"{options.out}: {found.architecture.name}, input scale {found.scale}")
        return 0
    checks = network.verify(options.file)
    for check in checks:
        print(f"{ {True: 'ok', False: 'WRONG', None: '?'}[check.ok]:<6}{check.text}")
    return 2 if any(check.ok is False for check in checks) else 0
