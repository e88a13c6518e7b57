"""A client of the gRPC interface that shares nothing with the server but openapi/proto.

Its messages and stubs are generated from there as it starts, by the compiler of grpcio-tools, and are gone at the end.
It asks a demo (`cargo xtask demo`), whose people, money and faucet it needs, and may do so again and again:

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python client.py

`cargo xtask grpc-client` does all of that, with a demo of its own. What comes after the options names single tests, as
in `client.py payments.Payments.test_once_for_a_key`.
"""

import argparse
import sys
import tempfile
import unittest
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

CONTRACT = Path(__file__).resolve().parents[2] / "openapi/proto"
TESTS = ["ecosystem", "deals", "payments"]


def main():
    parser = argparse.ArgumentParser(description="Tests a demo market over gRPC.")
    parser.add_argument("--rest", default="http://127.0.0.1:3000", help="where people log in (%(default)s)")
    parser.add_argument("--grpc", default="127.0.0.1:50051", help="what is tested (%(default)s)")
    parser.add_argument("tests", nargs="*", default=TESTS, help="all, if none is named")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="p2p-market-") as generated:
        generate(generated)
        sys.path.insert(0, generated)
        return 0 if run(options).wasSuccessful() else 1


def generate(folder):
    """The code for messages and stubs."""
    sources = sorted(str(path.relative_to(CONTRACT)) for path in CONTRACT.rglob("*.proto"))
    command = [
        "protoc",
        f"--proto_path={CONTRACT}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        *sources,
    ]
    if protoc.main(command) != 0:
        sys.exit(f"{CONTRACT} can't be compiled")


def run(options):
    # These import what was generated.
    from market import Case, Market

    Case.market = Market(options.rest, options.grpc)
    with Case.market.channel:
        tests = unittest.defaultTestLoader.loadTestsFromNames(options.tests)
        if tests.countTestCases() == 0:
            sys.exit("there are no such tests")
        return unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)


if __name__ == "__main__":
    sys.exit(main())
