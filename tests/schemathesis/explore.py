"""Explores the API with schemathesis, as one person of each role and as nobody.

It goes by the description that the server publishes: a new route is explored without a word in here. It asks a fresh demo
(`cargo xtask demo -- --fresh`), whose people and money it needs:

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python explore.py

`cargo xtask schemathesis` does all of that, with a demo of its own. What comes after the options names people, as in
`explore.py alice nobody`. How it goes about it is in schemathesis.toml, what it knows of the market in hooks.py and
scene.py.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from scene import PASSWORD, STRANGER, Market, Scene, address

HERE = Path(__file__).resolve().parent
CONFIGURATION = "schemathesis.toml"
# What the payment provider signs with. Without it no report of a payment is signed.
SECRET = "P2P_PROVIDER_SECRET"

# A customer, an exchanger, a moderator, an administrator. Whoever may take the others' roles away comes last.
EXPLORERS = ["nobody", "alice", "dora", "mona", "adam"]


def main():
    parser = argparse.ArgumentParser(description="Explores a fresh demo market over HTTP.")
    parser.add_argument("--rest", default="http://127.0.0.1:3000", help="what is explored (%(default)s)")
    parser.add_argument("--provider", help=f"a payment provider that the market knows, whose secret is in {SECRET}")
    parser.add_argument("people", nargs="*", default=EXPLORERS, help="all, if nobody is named")
    options = parser.parse_args()
    market = Market(options.rest)
    scene = Scene(market)
    tallies = {}
    failed = []
    with tempfile.TemporaryDirectory(prefix="p2p-market-") as folder:
        for name in options.people:
            print(f"\n{name}:", flush=True)
            known = scene.known_to(name) | {"provider": options.provider}
            if explore(market.url, name, known, Path(folder)) != 0:
                failed.append(name)
            tallies[name] = json.loads((Path(folder) / "tally.json").read_text())
    tell(tallies)
    print(f"failed as {', '.join(failed)}" if failed else "all is as described")
    return 1 if failed else 0


def explore(url, name, known, folder):
    """Runs schemathesis as one person, and answers its exit status."""
    (folder / "scene.json").write_text(json.dumps(known))
    (folder / CONFIGURATION).write_text((HERE / CONFIGURATION).read_text() + accounts(name, folder))
    command = [sys.executable, "-B", "-m", "schemathesis.cli", "--config-file", str(folder / CONFIGURATION)]
    command += ["run", f"{url}/api-docs/openapi.json", "--no-color"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {
        "P2P_SCENE": str(folder / "scene.json"),
        "P2P_TALLY": str(folder / "tally.json"),
        # Sets have the same order in every run.
        "PYTHONHASHSEED": "0",
        # Servers on this machine are not behind a proxy, whatever the environment says.
        "NO_PROXY": "*",
    }
    return subprocess.run(command, cwd=HERE, env=environment).returncode


def accounts(name, folder):
    """The part of the configuration that tells how somebody logs in, and that a stranger must not see the same things."""
    if name == "nobody":
        return ""
    token = {
        "extractFrom": "body",
        "extractSelector": "/access_token",
        "sendIn": "header",
        "sendName": "Authorization",
        "sendTemplate": "Bearer {token}",
    }
    login = {"verb": "POST", "endpoint": "/api/auth/login", "contentType": "application/json", "token": token}
    auth = []
    for one in [name, STRANGER]:
        payload = json.dumps({"email": address(one), "password": PASSWORD})
        auth.append({"name": one, "loginEndpointAuth": login | {"payloadRaw": payload}})
    path = folder / "accounts.json"
    path.write_text(json.dumps({"auth": auth}))
    return f'\n[auth.wfc]\npath = "{path}"\nuser = "{name}"\npeers = {json.dumps([name, STRANGER])}\n'


def tell(tallies):
    """What was answered how often, and which operations never succeeded, so that little is known of their good answers."""
    print()
    answers = defaultdict(set)
    for name, tally in tallies.items():
        statuses = Counter()
        for line, count in tally.items():
            operation, status = line.rsplit(" ", 1)
            answers[operation].add(int(status))
            statuses[status] += count
        counts = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        print(f"{name}: {sum(tally.values())} answers: {counts}")
    refused = [operation for operation, statuses in sorted(answers.items()) if min(statuses) >= 300]
    print(f"{len(answers)} operations; never with success: {', '.join(refused) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
