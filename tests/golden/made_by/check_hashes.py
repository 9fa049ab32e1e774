#!/usr/bin/env python3
"""Compares hashes.jsonl, which the library of 0.1.0 computed, with what the program 0.1.0 stores.

Each folder is imported and run, plain and with each list of flags, against addresses at which nobody listens: the plan
is stored as pending, and nothing is asked. Runs that need a person get a terminal, and are killed once their plan is
stored.

check_hashes.py CONVOKE EXPERIMENTS HASHES
"""
import json, os, pty, signal, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor

program, shipped, hashes = sys.argv[1:4]
CLOSED = "127.0.0.1:9"


def environment(folder):
    return {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": f"{folder}/configuration", "XDG_STATE_HOME": f"{folder}/state",
            "DB_USER": "tester", "OLLAMA_HOST": CLOSED, "OPENAI_BASE_URL": f"http://{CLOSED}/v1",
            "OPENAI_API_KEY": "none", "TERM": "xterm"}


def call(folder, words, store):
    done = subprocess.run([program, *words, "--store", f"sqlite:{store}"], cwd=folder, env=environment(folder),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def keys(folder, store):
    code, out, err = call(folder, ["list", "id:" + experiment(folder, store), "--all", "--json"], store)
    assert code == 0, err
    return [c["key"] for c in json.loads(out)["data"]]


def experiment(folder, store):
    code, out, err = call(folder, ["list", "--json"], store)
    if code != 0:
        return ""
    data = json.loads(out)["data"]
    return data[0]["id"] if data else ""


def at_a_terminal(folder, words, store, wanted):
    """Starts a run at a terminal and kills it when its plan is stored."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(program, [program, *words, "--store", f"sqlite:{store}"], environment(folder))
    end = time.time() + 30
    while time.time() < end:
        time.sleep(0.05)
        if experiment(folder, store) and len(keys(folder, store)) >= wanted:
            break
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(terminal)


def stored(folder, flags, number, wanted):
    store = f"{number}.db"
    words = ["run", "./x", *flags, "--max-retries", "0"]
    code, out, err = call(folder, words, store)
    if code == 2 and "terminal" in err:
        at_a_terminal(folder, words, store, wanted)
        return keys(folder, store), "terminal"
    assert code in (0, 1, 5, 7), (code, flags, err)
    return keys(folder, store), str(code)


def check(line):
    with tempfile.TemporaryDirectory() as folder:
        if line["files"] is None:
            subprocess.run(["cp", "-r", f"{shipped}/{line['name']}", f"{folder}/x"], check=True)
        else:
            for path, text in line["files"].items():
                os.makedirs(os.path.dirname(f"{folder}/x/{path}"), exist_ok=True)
                with open(f"{folder}/x/{path}", "w", newline="") as file:
                    file.write(text)
        code, out, err = call(folder, ["import", "./x", "--json"], "import.db")
        assert code == 0, (line["name"], err)
        assert json.loads(out)["data"]["revision"] == line["revision"], line["name"]
        ways = []
        for number, (flags, wanted) in enumerate([([], line["conversations"])] + [(n["flags"], n["conversations"]) for n in line["narrowed"]]):
            found, way = stored(folder, flags, number, len(wanted))
            ways.append(way)
            assert len(found) == len(wanted) and set(found) == set(wanted), (line["name"], flags, len(found), len(wanted))
        return ways


with open(hashes) as file:
    lines = [json.loads(line) for line in file]
with ThreadPoolExecutor(2) as pool:
    ways = [way for line in pool.map(check, lines) for way in line]
count = {way: ways.count(way) for way in sorted(set(ways))}
plain, narrowed = sum(len(l["conversations"]) for l in lines), sum(len(n["conversations"]) for l in lines for n in l["narrowed"])
print(f"{len(lines)} folders, {len(ways)} runs (exit codes: {count}), {plain} + {narrowed} conversation keys: equal")
