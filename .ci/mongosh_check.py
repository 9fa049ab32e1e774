"""The README's queries in mongosh, on a database made by convoke, give what convoke gives.

    mongosh_check.py MONGOSH CONVOKE README URI...

The queries are the README's `js` blocks, each named by the first word of its comment, typed as they stand there but for
the names in them. On each server a database is made (and dropped) that holds what could be told wrongly: conversations
that are done, failed, left, of an older revision, and of a run that was killed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

MONGOSH, CONVOKE, README, *URIS = [os.path.abspath(a) if os.path.exists(a) else a for a in sys.argv[1:]]
USER = "ann"


def queries():
    blocks = re.findall(r"^```js\n// (\w+):.*?\n(.*?)^```$", open(README).read(), re.M | re.S)
    found = dict(blocks)
    assert sorted(found) == ["conversations", "experiments", "spend", "transcript"], sorted(found)
    return found


class Place:
    """A folder, and a database on a server."""

    def __init__(self, folder, server):
        self.folder = folder
        before, _, options = server.partition("?")
        name = f"convoke_test_mongosh_{os.getpid()}_{time.time_ns() // 1000}"
        self.uri = f"{before.rstrip('/')}/{name}" + (f"?{options}" if options else "")
        self.environment = {
            "HOME": folder, "PATH": os.environ["PATH"], "DB_USER": USER, "CONVOKE_STORE": self.uri,
            "XDG_CONFIG_HOME": f"{folder}/configuration",
        }

    def start(self, *words, **variables):
        return subprocess.Popen(
            [CONVOKE, *words], cwd=self.folder, env=self.environment | variables, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def convoke(self, *words, exits=0, **variables):
        process = self.start(*words, **variables)
        out, err = process.communicate(timeout=300)
        assert process.returncode == exits, f"convoke {' '.join(words)}: {process.returncode}\n{out}{err}"
        return out

    def data(self, *words):
        return json.loads(self.convoke(*words, "--json"))["data"]

    def mongosh(self, query):
        done = subprocess.run(
            [MONGOSH, "--quiet", "--norc", "--json=relaxed", self.uri, "--eval", query],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )
        assert done.returncode == 0, f"{query}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def fill(self):
        """Returns the possible spend of a run that was killed, by experiment."""
        self.convoke("new", "prison", "--from", "prison")
        self.convoke("run", "prison", "--offline", "--limit", "3")
        # The folder stays as it was, so that the stored experiment is named by its id.
        prison = self.data("edit", "prison", "--set", "messages=6", "--note", 'a "note" – $with {signs}')["id"]
        self.killed(f"id:{prison}", "--yes")
        self.convoke("duplicate", "prison", "--name", "hard", "--set", 'health.empty="fail"')
        with open(f"{self.folder}/replies", "w") as replies:
            replies.write('Good.\n""\n')
        self.convoke("run", "hard", "--offline", "--limit", "2", exits=1, CONVOKE_SCRIPT="replies")
        self.convoke("star", "hard")
        self.convoke("new", "talks", "--from", "negotiation")
        spend = self.killed_and_continued("talks", "--replicates", "4")
        return {"talks": spend} if spend else {}

    def killed(self, *words):
        process = self.start("run", *words, "--offline", "--jobs", "8", "--json")
        while json.loads(process.stdout.readline())["event"] != "ended":
            pass
        process.kill()
        process.communicate()

    def killed_and_continued(self, *words):
        self.killed(*words)
        end = self.convoke("run", *words, "--offline", "--jobs", "8", "--json").splitlines()[-1]
        return json.loads(end)["possible_spend"]


def instant(value):
    return value["$date"] if isinstance(value, dict) else value


def check(place, found):
    spend = place.fill()
    listed = place.data("list")
    counts = [sum(e["conversations"][word] for e in listed) for word in ("done", "failed", "left")]
    assert all(counts), f"every kind is to be told: {counts}"

    def experiment(e):
        number = {c["_id"]: c["number"] for c in e["conversations"]}
        done, failed = number.pop("done", 0), number.pop("failed", 0)
        counts = {"done": done, "failed": failed, "left": sum(number.values())}
        return [e["name"], e["creator"], instant(e["created"]), e["starred"], e["note"], counts]

    def current(counts):
        # The query counts one revision; `list` counts older ones apart.
        return {word: counts[word] for word in ("done", "failed", "left")}

    equal("experiments", [experiment(e) for e in place.mongosh(found["experiments"])], [
        [e["name"], e["creator"], e["created"], e["starred"], e["note"], current(e["conversations"])] for e in listed
    ])
    for name in [e["name"] for e in listed]:
        query = found["conversations"].replace('"prison"', json.dumps(name)).replace('"ann"', json.dumps(USER))
        conversations(place.mongosh(query), place.data("list", name))
    shown = place.data("show", place.data("list", "hard")[0]["id"])
    query = re.sub(r'"[0-9a-f]{16}"', json.dumps(shown["id"]), found["transcript"])
    fields = ["seq", "day", "kind", "speaker", "content"]
    equal("transcript", place.mongosh(query), [{f: e[f] for f in fields} for e in shown["entries"]])
    names = {e["id"]: e["name"] for e in listed}
    equal("spend", {names[s["_id"]]: s["requests"] for s in place.mongosh(found["spend"])}, spend)
    return f"{len(listed)} experiments; done, failed, left {counts}; possible spend {spend}"


def conversations(told, listed):
    fields = ["creator", "replicate", "status", "flags", "starred", "note"]
    for one in told:
        # Its process was killed, which `list` derives and nothing stores.
        one["status"] = "interrupted" if one["status"] == "running" else one["status"]
    told = {c["_id"]: [{l["name"]: l["value"] for l in c["condition"]}] + [c[f] for f in fields] for c in told}
    equal("conversations", told, {c["id"]: [c["condition"]] + [c[f] for f in fields] for c in listed})


def equal(what, told, expected):
    assert told == expected, f"{what}:\nmongosh {json.dumps(told)}\nconvoke {json.dumps(expected)}"
    assert told or what == "spend", f"{what}: nothing to compare"


def main():
    found = queries()
    for server in URIS:
        with tempfile.TemporaryDirectory() as folder:
            place = Place(folder, server)
            try:
                print(f"{server.split('@')[-1]}: {check(place, found)}")
            finally:
                place.mongosh("db.dropDatabase()")


main()
