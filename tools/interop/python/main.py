"""A client in Python, made from the wire contract alone, against a running cluster.

    main.py HOST:PORT,HOST:PORT,HOST:PORT
    main.py --after-failover HOST:PORT,HOST:PORT

It starts at the first address, which must be a follower, and prints one JSON line for each check:
{"name": ..., "problem": null or text}. Ends with code 1 when any failed. The generated stubs are
found through PYTHONPATH.
"""

import json
import sys
import traceback

import after_failover
import contract


def run(checks, endpoints):
    """Runs every check, also after one has failed; returns how many failed."""
    failed = 0
    for check in checks:
        problem = None
        try:
            check(endpoints)
        except Exception:  # whatever went wrong is the finding
            problem = traceback.format_exc()
            failed += 1
        name = check.__doc__.strip().splitlines()[0].rstrip(".")
        print(json.dumps({"name": name, "problem": problem}), flush=True)
    return failed


def main():
    arguments = sys.argv[1:]
    checks = contract.CHECKS
    if arguments[:1] == ["--after-failover"]:
        checks = after_failover.CHECKS
        del arguments[0]
    if len(arguments) != 1:
        sys.exit(__doc__)
    sys.exit(1 if run(checks, arguments[0].split(",")) else 0)


main()
