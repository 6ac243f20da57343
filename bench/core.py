"""Run the core alone over captures and print one JSON line (contract §9).

usage: python bench/core.py CAPTURE... [--workers N]

All dissectors, observations and both batches are built; batches are dropped as they fill. Nothing is identified or
judged.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
from time import perf_counter, process_time

from ringfence import _core


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    wall, cpu = perf_counter(), process_time()
    run = _core.run(arguments.captures, workers=arguments.workers, site_key=os.urandom(32), defaults=())
    wall, cpu = perf_counter() - wall, process_time() - cpu
    per_protocol: dict[str, dict[str, float]] = {
        name: {"flows": flows, "packets": packets, "bytes": size, "confidence": round(confidence, 3)}
        for name, flows, packets, size, confidence in run.protocols()
    }
    for kind, observations, records, transactions in run.counts():
        row = per_protocol.setdefault(kind.partition(".")[0], {})
        row["observations"] = row.get("observations", 0) + observations
        row["records"] = row.get("records", 0) + records
        if transactions:
            row["transactions"] = row.get("transactions", 0) + transactions
    summary = run.summary()
    print(
        json.dumps(
            {
                "packets": summary["packets"],
                "bytes": summary["bytes"],
                "flows": summary["flow_rows"],
                "records": summary["records"],
                "observations": summary["counters"]["observations"],
                "conversations": summary["counters"]["conversations"],
                "transactions": summary["transaction_rows"],
                "protocols": per_protocol,
                "bounds": summary["bounds"],
                "workers": arguments.workers,
                "wall_seconds": round(wall, 4),
                "cpu_seconds": round(cpu, 4),
                "packets_per_cpu_second": round(summary["packets"] / cpu) if cpu else None,
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
