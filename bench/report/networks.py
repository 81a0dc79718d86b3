"""Style networks: pictures in one pass, and the speed of a training."""

from bench.report.data import Record, Result, Seconds
from bench.report.tables import Table, megabytes, milliseconds, ratio


def tables(result: Result) -> list[Table]:
    """Ours, and against other programs."""
    return [paintings(result), trainings(result), painting_rivals(result), training_rivals(result)]


def paintings(result: Result) -> Table:
    """A line for each network and size."""
    rows = [
        (
            f"{record.case['network']}, {record.size}",
            milliseconds(record.seconds),
            f"{1e6 * record.seconds.median / record.pixels:.2f}",
            f"{record.info['seconds']['compile']:.1f}",
            f"{1e3 * record.info['seconds']['first']:.0f}",
            megabytes(record.peak),
        )
        for record in result.along("painting")
    ]
    note = "`jaxstyle.apply_style` of a picture in memory, after the first; first: without compiling."
    return Table(
        "Pictures by a style network", ("network, size", "ms", "µs/pixel", "compile s", "first ms", "MB peak"), rows, note
    )


def trainings(result: Result) -> Table:
    """A line for each training."""
    found = [record for record in result.records if any(axis.startswith("training") for axis in record.axes)]
    rows = [
        (
            named(record),
            record.case["platform"],
            f"{record.case['devices']}",
            milliseconds(record.seconds),
            f"{1 / record.seconds.median:.3g}",
            f"{record.case['batch'] / record.seconds.median:.3g}",
            f"{record.info['seconds']['first']:.1f}",
            megabytes(record.peak),
        )
        for record in found
    ]
    header = (
        "widths, crops",
        "platform",
        "devices",
        "ms a step",
        "steps a second",
        "crops a second",
        "first step after s",
        "MB peak",
    )
    note = "`jaxstyle.train_styles`, two styles. First step: measuring the styles' losses and compiling come before it. "
    return Table("Training a style network", header, rows, note)


def named(record: Record) -> str:
    """ "half, 4 of 128x128"."""
    return f"{record.case['widths']}, {record.case['batch']} of {record.case['side']}x{record.case['side']}"


def against(record: Record) -> tuple[str, ...]:
    """Our seconds, theirs, their ratio, and both peaks."""
    theirs = Seconds(tuple(record.rival["data"]))
    host = record.rival["peak"]["device"] or record.rival["peak"]["host"]
    return milliseconds(record.seconds), milliseconds(theirs), ratio(record), megabytes(record.peak), megabytes(host)


COLUMNS = ("our ms", "their ms", "ours / theirs (range)", "our MB", "their MB")


def painting_rivals(result: Result) -> Table:
    """The 26-style network by onnxruntime."""
    rows = [(f"{record.size}, {record.rival['name']}", *against(record)) for record in result.along("rival painting")]
    note = "The network of 26 styles: 8-bit levels in, floats out, their rounds alternating."
    return Table("Pictures against onnxruntime", ("size, rival", *COLUMNS), rows, note)


def training_rivals(result: Result) -> Table:
    """The same network and loss in PyTorch."""
    rows = [(f"{named(record)}, {record.rival['name']}", *against(record)) for record in result.along("rival training")]
    note = (
        "A step: the same network and loss, Adam, a clipped gradient, an average of the parameters; PyTorch in channels_last."
    )
    return Table("Training against PyTorch", ("widths, crops, rival", *COLUMNS), rows, note)


def sentences(result: Result) -> list[str]:
    """How fast a picture is, a step, and both against others."""
    found = []
    painted: dict[str, list[str]] = {}
    for record in result.along("painting"):
        painted.setdefault(record.case["network"], []).append(f"{record.size} {record.seconds.median:.2f} s")
    found += [f"A picture after the first by the network {name}: {', '.join(each)}." for name, each in painted.items()]
    if trained := result.along("training"):
        record = trained[0]
        rate = f"{1 / record.seconds.median:.3g} steps a second"
        found.append(f"A training of {named(record)} makes {rate}, the first after {record.info['seconds']['first']:.0f} s.")
    for axis, what in (("rival painting", "A picture"), ("rival training", "A step of a training")):
        by_rival: dict[str, list[str]] = {}
        for record in result.along(axis):
            label = record.size if axis == "rival painting" else named(record)
            by_rival.setdefault(record.rival["name"], []).append(f"{label} {ratio(record)}")
        found += [f"{what} in shares of the time of {name}: {', '.join(each)}." for name, each in by_rival.items()]
    return found
