"""Runs the README's snippets of pandas, R and DuckDB as they stand there, on the export that the README makes.

    python data_check.py CONVOKE README

Needs pandas, matplotlib and duckdb, and Rscript on the path.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas as pd

convoke, readme = (Path(argument).resolve() for argument in sys.argv[1:3])
text = readme.read_text(encoding="utf-8")


def block(language):
    """Returns the first fenced block of a language."""
    return re.search(rf"^```{language}\n(.*?)^```", text, re.M | re.S).group(1)


def give(line):
    """Gives a command of the README."""
    os.environ["CONVOKE"] = str(convoke)
    subprocess.run(["sh", "-ec", line.replace("convoke", '"$CONVOKE"', 1)], check=True, stdout=subprocess.DEVNULL)


def check_types(table, codebook):
    """Every column of numbers is one for pandas, too, and no other is."""
    kinds = pd.read_csv(codebook, keep_default_na=False).set_index("column")["type"]
    for name, kind in kinds.items():
        is_number = pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name])
        is_empty = table[name].isna().all()
        if kind in ("integer", "number"):
            assert is_number, f"{name} holds numbers and is {table[name].dtype}"
        elif kind not in ("level", "boolean"):
            assert not is_number or is_empty, f"{name} holds {kind} and is {table[name].dtype}"


with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "experiments").symlink_to(readme.parent / "experiments")
    os.chdir(folder)
    run = re.search(r"^convoke run experiments/negotiation .*$", text, re.M).group(0)
    export = re.search(r"^convoke export negotiation .*--rows conversations.*$", text, re.M).group(0)
    give(run)
    give(export)
    snippet = block("python")
    assert len(ast.parse(snippet).body) <= 5, "more than 5 statements"
    names = {}
    exec(snippet, names)
    assert len(names["d"]) == 24 and len(names["t"]) == 6 and Path("words.png").stat().st_size > 1000
    check_types(names["d"], "conversations.codebook.csv")
    empty = [name for name in names["texts"] if names["d"][name].isna().all()]
    assert all(names["d"][name].dtype == "string" for name in names["texts"]) and empty
    for rows in ("entries --times", "calls"):
        give(f"convoke export negotiation --format csv --rows {rows} --codebook -o rows.csv --force")
        check_types(pd.read_csv("rows.csv", keep_default_na=False, na_values=[""]), "rows.codebook.csv")
    by_pandas = [list(map(float, row)) for row in names["t"].to_numpy()]
    result = duckdb.sql(block("sql")).fetchall()
    assert sorted([float(row[2]), float(row[3])] for row in result) == sorted(by_pandas), result
    Path("snippet.R").write_text(block("r"), encoding="utf-8")
    printed = subprocess.run(["Rscript", "snippet.R"], check=True, capture_output=True, text=True).stdout
    print(printed, end="")
    rows = [line.split() for line in printed.splitlines()[1:]]
    assert sorted([float(row[3]), float(row[4])] for row in rows) == sorted(by_pandas), printed
    kinds = "d <- read.csv('conversations.csv', na.strings = ''); cat(is.numeric(d$seconds), all(as.logical(d$offline)))"
    printed = subprocess.run(["Rscript", "-e", kinds], check=True, capture_output=True, text=True).stdout
    assert printed == "TRUE TRUE", printed
print("pandas, R and DuckDB give the same table of 24 conversations")
