"""What the numbers show, in sentences made from them, and what they do not."""

from math import isclose
from statistics import median

from bench.report import grid, networks, together
from bench.report.data import Record, Result, reached
from bench.report.tables import compiled, goal, milliseconds, ratio


def base(result: Result) -> Record | None:
    """The evaluation that the others are compared with: the profile's square, everything as usual."""
    side = result.profile["side"]
    usual = dict(width=side, height=side, precision="float32", algorithm="auto", pooling="max", batch=1, devices=1)
    usual |= dict(memory="auto", platform=result.platform)
    older = {"memory": "auto", "padding": "zero"}  # results from before there were others
    alone = [r for r in result.records if "rival" not in r.info]
    wanted = ({**usual, "padding": padding} for padding in ("reflect", "zero"))  # before December 2026 zeros were usual
    return next((r for case in wanted for r in alone if {**older, **r.case} == case), None)


def findings(result: Result) -> list[str]:
    """Sentences; only of what was measured."""
    kernels = [*evaluation(result), *grid.sentences(result), *shares(result), *batches(result), *together.sentence(result)]
    found = [*kernels, *starts(result), *solvers(result), *plain(result), *others(result), *times(result)]
    return [*found, *networks.sentences(result)]


def evaluation(result: Result) -> list[str]:
    found = []
    if record := base(result):
        rate = record.info["direct_flops"] / record.seconds.median
        sentence = f"One loss with its gradient at {record.size} in float32 takes {milliseconds(record.seconds)} ms"
        if full := result.flop_rates.get("float32"):
            sentence += f", as direct convolutions would at {rate / 1e9:.0f} GFLOP/s, {rate / full:.0%} of the matrix rate"
            sentence += " (more than all of it, since Winograd's algorithm multiplies less)" if rate > full else ""
        found.append(sentence + ".")
        info = record.info["seconds"]
        found.append(f"Before that it compiles for {info['compile']:.1f} s; the first call takes {1e3 * info['first']:.0f} ms.")
    if len(records := result.along("resolution")) > 1:
        each = {r.size: 1e6 * r.seconds.median / r.pixels for r in sorted(records, key=lambda r: r.pixels)}
        low, high = min(each, key=each.__getitem__), max(each, key=each.__getitem__)
        span = f"{each[low]:.2f} ({low}) to {each[high]:.2f} ({high})"
        found.append(f"From {next(iter(each))} to {list(each)[-1]} an evaluation takes {span} microseconds a pixel.")
    return found


def shares(result: Result) -> list[str]:
    """Of the base case's time, for whatever differs from it in one thing."""
    record, found = base(result), []
    if record is None:
        return []
    phrases = {"precision": "{}", "pooling": "{} pooling", "padding": "{} padding", "algorithm": "{} everywhere"}
    phrases |= {"memory": "{} memory", "device": "{}"}
    for axis, words in phrases.items():
        field = "platform" if axis == "device" else axis
        for other in result.kernels(axis):
            if other is not record:
                share = other.seconds.median / record.seconds.median
                found.append(f"{words.format(other.case[field])} {share:.2f}")
    return [f"In shares of that time: {', '.join(found)}."] if found else []


def batches(result: Result) -> list[str]:
    records = sorted(result.along("batch"), key=lambda r: r.case["batch"])
    if len(records) < 2:
        return []
    rates = {r.case["batch"]: r.case["batch"] / r.seconds.median for r in records}
    best = max(rates, key=rates.__getitem__)
    gain = rates[best] / rates[records[0].case["batch"]]
    verdict = "batching pays" if gain > 1.1 else "batching pays little" if gain > 1.03 else "batching does not pay here"
    listed = ", ".join(f"{count}: {rate:.2f}" for count, rate in rates.items())
    return [f"Evaluations of a {records[0].size} picture a second by pictures at once: {listed}; {verdict}."]


def starts(result: Result) -> list[str]:
    found = []
    for records in by_pair(result.along("initialisation")).values():
        losses = {r.case["init"]: r.info["loss"]["total"] for r in records if r.case["solver"] == "lbfgs"}
        if len(losses) > 1:
            first = records[0]
            listed = ", ".join(f"{init} {loss:.4g}" for init, loss in sorted(losses.items(), key=lambda item: item[1]))
            pair = f"{first.case['content']} x {first.case['style']}"
            found.append(f"{pair}, canonical loss after {first.info['evaluations']} evaluations by start: {listed}.")
    return found


def solvers(result: Result) -> list[str]:
    found = []
    for records in by_pair(result.along("solver")).values():
        aim = goal(result, records[0])
        if aim is None:
            continue
        shares = [f"{r.case['solver']} {r.trace[-1][1] / aim[0]:.2f}" for r in records if r.case["solver"] != "torch-lbfgs"]
        pair = f"{records[0].case['content']} x {records[0].case['style']}"
        found.append(f"{pair}, loss after {aim[1]} evaluations in shares of that of torch's L-BFGS: {', '.join(shares)}.")
    return found


def plain(result: Result) -> list[str]:
    """The default against plain L-BFGS, on every pair and from every start where both ran."""
    found: dict[tuple[int, int], list[str]] = {}
    for record in result.along("preconditioner"):
        if record.case["solver"] == "lbfgs" and (aim := goal(result, record)):
            name = f"{record.case['content']} x {record.case['style']} from {record.case['init']}"
            counts = record.info["evaluations"], aim[1]
            found.setdefault(counts, []).append(f"{name} {record.trace[-1][1] / aim[0]:.2f}")
    return [
        f"Loss of the default after {ours} evaluations in shares of that of plain L-BFGS after {theirs}: {', '.join(names)}."
        for (ours, theirs), names in sorted(found.items())
    ]


def others(result: Result) -> list[str]:
    found = []
    evaluations: dict[str, list[str]] = {}
    for record in result.along("rival evaluation"):
        evaluations.setdefault(record.rival["name"], []).append(f"{record.size} {ratio(record)}")
    for name, listed in evaluations.items():
        found.append(f"An evaluation in shares of the time of {name}: {', '.join(listed)}.")
    for record in [*result.along("rival solve"), *result.along("rival command")]:
        ours, theirs = record.info["loss"]["total"], record.rival["loss"]["total"]
        level = "the same loss" if isclose(ours, theirs, rel_tol=0.01) else f"a loss {ours / theirs:.2f} times as high"
        sentence = f"A picture of {record.size}, {record.case['evaluations']} evaluations, against {record.rival['name']}: "
        sentence += f"{ratio(record)} of its time, {level}"
        if "trace" in record.info and (point := reached(record.trace, theirs)):
            waited = compiled(record) + point[1]
            share = median(record.rival["data"]) / waited
            sentence += f"; its loss is there after {point[0]} evaluations and {waited:.1f} s, {share:.2f} times as soon"
        found.append(f"{sentence}.")
    return found


def times(result: Result) -> list[str]:
    """How soon the loss of PyTorch's whole run is there."""
    found = []
    for record in result.along("rival time"):
        goal, ours, theirs = record.rival["loss"]["total"], record.info, record.rival
        sentence = f"A picture of {record.size}: {theirs['name']} comes to the loss {goal:.4g} with {theirs['evaluations']} "
        sentence += (
            f"evaluations in {theirs['data'][0]:.1f} s, jaxstyle to one {ours['loss']['total'] / goal:.2f} times as high "
        )
        sentence += f"with {ours['evaluations']} in {record.seconds.median:.1f} s, compilation included"
        if point := reached(record.trace, goal):
            waited = compiled(record) + point[1]
            sentence += f"; it is as low after {point[0]} and {waited:.1f} s, {theirs['data'][0] / waited:.2f} times as soon"
        found.append(f"{sentence}.")
    return found


def by_pair(records: list[Record]) -> dict[tuple[str, str], list[Record]]:
    """Whole pictures, by content and style."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.case["content"], record.case["style"]), []).append(record)
    return found


def caveats(result: Result) -> list[str]:
    """What should not be read into the numbers."""
    found = [
        "A loss is no judgement of a picture: the pictures themselves are below.",
        "L-BFGS is chaotic in its first tens of evaluations: final losses of one setting move by some percent with rounding "
        "alone, so that smaller differences between solvers or starts say nothing.",
        f"Whole pictures were made once for each setting, kernel cases timed {result.profile['rounds']} times; the ranges are "
        "those of one session on one machine.",
        "A picture that starts from the style has no style loss at first, and keeps most of its content loss: low, and not the "
        "picture that was wanted.",
        "Kernel cases run on noise: their time depends on the shape alone.",
        "The roofline counts bytes as XLA does, each operation's operands and results, whether or not they are in a cache: "
        "a bound on the time that can be passed, drawn to show what limits a case.",
    ]
    if result.platform == "cpu":
        found.append(
            "Only a CPU was measured. Simulated devices share its cores: they show that sharding works, not what several real "
            "devices would gain."
        )
    if not any("rival" in record.info for record in result.records):
        found.append("No other program was measured (--rivals).")
    return found
