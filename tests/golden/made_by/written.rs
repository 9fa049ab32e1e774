//! Folders written by hand for `hashes.jsonl`. The generator of the property tests writes none of their kind.

/// Path and text of each file.
pub type Texts = &'static [(&'static str, &'static str)];
/// Lists of flags.
pub type Lists = &'static [&'static [&'static str]];

/// Experiments that ship, each with lists of flags.
pub const SHIPPED: &[(&str, Lists)] = &[
    (
        "debate",
        &[
            &["--days", "1..3"],
            &["--speakers", "random", "--set", "topic=city-cars"],
            &["--agents", "advocate=1..2", "--agents", "opponent=1"],
            &["--offline", "--replicates", "2"],
            &["--model", "ollama/a", "--model", "openai/b", "--set", "temperature=0.3"],
        ],
    ),
    (
        "negotiation",
        &[
            &["--agents", "buyer=2..4", "--seed", "7"],
            &["--set", "stop_phrases=[]", "--set", "labels=never"],
            &["--only", "agents.buyer=1|3 budget=tight"],
            &["--only", "budget=ample", "--only", "agents.buyer=2", "--limit", "3"],
            &["--set", "roles.seller.model=human", "--messages", "9"],
        ],
    ),
    (
        "prison",
        &[
            &["--only", "goal=escape risks=true oversight=false"],
            &["--set", "manner_guard=abusive", "--set", "risks=false", "--replicates", "2"],
            &["--offline", "--limit", "7"],
            &["--agents", "prisoner=1..2", "--set", "goal=escape", "--set", "oversight=true"],
            &["--days", "2", "--set", "max_tokens=50", "--only", "manner_guard=blank"],
        ],
    ),
];

const TWO: &str = "You are <AGENT_NAME>.\n";

/// Folders, each with lists of flags.
pub const FOLDERS: &[(&str, Texts, Lists)] = &[
    (
        "shop",
        &[
            (
                "experiment.toml",
                r#"# shop/experiment.toml
name = "shop"
models = ["ollama/llama3.1"]

[protocol]
messages = 10
agents = { clerk = 1, customer = 2 }

[roles.clerk]
plural = "clerks"
pronouns = "she/her"

[roles.customer]
plural = "customers"
pronouns = "he/his"

[factors]
mood = ["calm", "angry"]
"agents.customer" = { from = 1, to = 3 }

[run]
replicates = 5
seed = 11
"#,
            ),
            ("shared.md", "<!-- shop/shared.md: what every agent reads -->\nA small shop on a rainy day.\n"),
            (
                "roles/clerk.md",
                "<!-- what only clerks read -->\nYou are <AGENT_NAME>. There <CUSTOMER_VERB_be> <CUSTOMER_NUM> \
                 <CUSTOMER_NOUN> in the shop.\n\n## Goal\nClose the shop in time, and stay kind.\n",
            ),
            (
                "roles/customer.md",
                "You are <AGENT_NAME>. You bring back a broken umbrella.\n\n## Mood {mood=angry}\nYou are angry, \
                 and it shows.\n",
            ),
        ],
        &[
            &["--set", "agents.customer=2", "--replicates", "1"],
            &["--only", "mood=angry agents.customer=2|3", "--replicates", "2"],
            &["--offline", "--replicates", "1"],
        ],
    ),
    (
        "smallest",
        &[
            (
                "experiment.toml",
                "name = \"smallest\"\nmodels = [\"scripted\"]\nprotocol = { messages = 2, agents = { a = 2 } }\n",
            ),
            ("roles/a.md", ""),
        ],
        &[&["--seed", "9223372036854775807"], &["--messages", "3", "--offline"]],
    ),
    (
        "the-same-smallest",
        &[
            (
                "experiment.toml",
                r#"format = 1
name = "smallest"
note = "Of another name it would be another revision; a note is in no hash."
starting_message = "Start the experiment"
sections = []
models = [ { id = "scripted" } ]

[protocol]
messages = 2
days = 1
agents.a = 2
speakers = "round-robin"
labels = "auto"
merge = true
stop_phrases = []
final_summary = false
style = "convoke"

[roles.a]
plural = "as"
pronouns = "they/their"

[selector]
[summarizer]
[factors]
[health]
empty = "keep"

[run]
replicates = 1
seed = 0
"#,
            ),
            ("roles/a.md", "<!-- nothing -->\n\n"),
            ("shared.md", "\n"),
        ],
        &[],
    ),
    (
        "guessed-words",
        &[
            (
                "experiment.toml",
                "name = \"guessed words\"\nmodels = [\"ollama/x\"]\n[protocol]\nmessages = 4\nagents = { \"head of \
                 state\" = 1, child = 2, wolf = 0, mother-in-law = 1 }\n[factors]\n\"agents.wolf\" = [0, 1, 5]\n",
            ),
            (
                "shared.md",
                "<HEAD_OF_STATE_NUM> <HEAD_OF_STATE_NOUN>, <CHILD_NUM> <CHILD_NOUN> (<CHILD_POSS>), <WOLF_NUM> \
                 <WOLF_NOUN>: <WOLF_PRON> <WOLF_VERB_carry> <WOLF_POSSPRON> prey; the <MOTHER_IN_LAW_POSS> house.\n\
                 <ROLES_NUM> roles.\n",
            ),
            ("roles/head of state.md", TWO),
            ("roles/child.md", "<CHILD_VERB_BE> <CHILD_VERB_can>\n"),
            ("roles/wolf.md", "<WOLF_VERB_have> teeth.\n"),
            ("roles/mother-in-law.md", TWO),
        ],
        &[&["--agents", "wolf=1"], &["--agents", "wolf=0..1", "--agents", "child=1"]],
    ),
    (
        "writing-of-toml",
        &[
            (
                "experiment.toml",
                r#"name = 'writing of TOML'
starting_message = """
Good morning.
There are <AGENTS_NUM> of you: "<GUARD_NOUN>" \\ 'and' \u00e9\t.
"""
sections = [
  "Second", # read first
  'First <AGENTS_NUM>',
]
models = [{ id = "ollama/ns/deep/name:7b", as = "deep", temperature = 0.70, top_p = 1.0, stop = ["\n\n", '"'], keep_alive = -1 },
          { id = "ollama/other", max_tokens = 1_000, top_k = 0x28, num_ctx = 4_096, keep_alive = "1h", stream = false, seed = 5 }]

[protocol]
messages = 1_2
agents.guard = 1
agents."prison guard" = 1
stop_phrases = ["""
[END]""", 'done.']
labels = "never"

[roles.guard]
plural = "guards"
pronouns = "she/her"
model = "deep"
[roles."prison guard"]
plural = "prison guards"
pronouns = "he/his"

[factors.risks]
levels = [true, false]
was = false

[factors.sum]
levels = [1e-3, 1.0, 2.50]

[factors.big]
levels = [9007199254740993, -1]
"#,
            ),
            (
                "shared.md",
                "Start <b>bold</b>, \\<GUARD_NOUN>, <3.\n<!-- a comment\nover lines -->\n## First <AGENTS_NUM>\none\n\n\
                 \n## Second {risks=true sum=1.0|2.5}\n  indented\n### Deeper {x}\n```\n## no heading\n```\n## Third \
                 {big=9007199254740993}\nthe last",
            ),
            ("roles/guard.md", "## Private {model=deep}\nOnly <GUARD_NUM> knows.\n"),
            (
                "roles/prison guard.md",
                "   \n\n## Private {\"agents.prison guard\"=1 messages=12}\n<PRISON_GUARD_POSS>\n",
            ),
        ],
        &[
            &["--set", "sum=2.5"],
            &["--set", "risks=true", "--model", "deep"],
            &["--only", "sum=1e-3"],
            &["--only", "big=-1 risks=false", "--limit", "2"],
            &["--set", "big=9007199254740993", "--set", "temperature=1"],
        ],
    ),
    (
        "types-of-levels",
        &[
            (
                "experiment.toml",
                r#"name = "types of levels"
models = ["ollama/x"]
[protocol]
messages = 3
agents = { a = 1, b = 1 }
[factors]
word = ["1", "true", "1.0", "", "two words"]
number = { levels = [1, 2], was = 2 }
point = { from = 0, to = 1 }
"#,
            ),
            (
                "roles/a.md",
                "## A {word=1}\none\n## A {word=\"two words\"|\"\"}\nwords\n## A {point=0 number=2}\nzero\n",
            ),
            ("roles/b.md", "b"),
        ],
        &[
            &["--set", "word=\"1\""],
            &["--set", "word=two words", "--set", "number=1"],
            &["--only", "word=\"two words\"|true point=1"],
        ],
    ),
    (
        "openai-models",
        &[
            (
                "experiment.toml",
                r#"name = "openai models"
models = [
  { id = "openai/gpt-4.1", as = "gpt", temperature = 0.7, max_tokens = 400, seed = 1 },
  { id = "openai/gpt-4.1", as = "gpt-cold", temperature = 0.0, seed = { fixed = 9223372036854775807 } },
  { id = "openai/o5", stream = true, concurrency = 2, stop = ["x"] },
]
[protocol]
messages = 5
agents = { a = 2, b = 1 }
[roles.b]
plural = "bs"
pronouns = "it/its"
model = "gpt-cold"
[factors]
model = ["gpt", "openai/o5"]
max_tokens = [100, 200]
"#,
            ),
            ("roles/a.md", "## Note {model=gpt max_tokens=100}\nShort.\n"),
            ("roles/b.md", "## Note {\"roles.b.model\"=gpt-cold}\nCold.\n"),
        ],
        &[
            &["--model", "gpt-cold", "--set", "max_tokens=50"],
            &["--set", "roles.b.model=human", "--model", "gpt"],
            &["--set", "temperature=1.5"],
            &["--offline"],
        ],
    ),
    (
        "one-model-each",
        &[
            (
                "experiment.toml",
                r#"name = "one model each"
models = ["ollama/x", { id = "ollama/y", as = "y", temperature = 2.0 }, "human"]
[protocol]
messages = 6
agents = { a = 2, b = 2 }
[roles.a]
model = ["y", "human"]
[roles.b]
model = ["ollama/x", "y", "ollama/x"]
[factors]
model = ["ollama/x"]
"agents.b" = [1, 2, 3]
"agents.a" = [1, 2]
[design]
exclude = ["agents.a=1 agents.b=1|2", "agents.b=3 agents.a=2"]
"#,
            ),
            ("roles/a.md", TWO),
            ("roles/b.md", TWO),
        ],
        &[&["--agents", "b=1", "--agents", "a=2"], &["--offline"]],
    ),
    (
        "human-level",
        &[
            (
                "experiment.toml",
                r#"name = "human level"
models = ["ollama/x", { id = "human", as = "me" }]
[protocol]
messages = 4
agents = { a = 1, b = 1 }
speakers = "manual"
[roles.b]
model = "ollama/x"
"#,
            ),
            ("roles/a.md", TWO),
            ("roles/b.md", TWO),
        ],
        &[&["--model", "me"], &["--offline"], &["--speakers", "auto", "--model", "ollama/x"]],
    ),
    (
        "days-and-helpers",
        &[
            (
                "experiment.toml",
                r#"name = "days and helpers"
models = ["ollama/x", { id = "ollama/small", as = "small", temperature = 0.0 }]
[protocol]
messages = 9
days = 3
agents = { moderator = 1, guest = 2 }
speakers = "auto"
final_summary = true
[selector]
model = "small"
[summarizer]
model = "small"
[factors]
model = ["ollama/x"]
speakers = ["auto", "random", "round-robin"]
days = { from = 1, to = 3 }
final_summary = [true, false]
topic = { levels = ["cars", "phones"], was = "cars" }
[design]
exclude = ["days=1|2 final_summary=true", "speakers=random topic=phones"]
[health]
empty = { ask = 2, then = "fail" }
refusal = "fail"
repetition = { ask = 1, then = "keep" }
length = "keep"
identity-swap = { ask = 1, then = "fail" }
"#,
            ),
            ("shared.md", "All.\n\n## Motion {topic=cars}\nCars.\n\n## Motion {topic=phones}\nPhones.\n"),
            (
                "summarizer.md",
                "You keep the minutes of <AGENTS_NUM>.\n\n## Task {topic=cars|phones}\nSay what was agreed.\n",
            ),
            ("roles/moderator.md", "## Task {speakers=auto days=2|3}\nModerate.\n"),
            ("roles/guest.md", "Secret of <GUEST_NUM> <GUEST_NOUN>.\n"),
        ],
        &[
            &["--days", "2", "--speakers", "auto"],
            &["--set", "topic=phones", "--set", "final_summary=true"],
            &["--offline", "--only", "days=3"],
            &["--messages", "7", "--days", "1..2", "--set", "topic=cars"],
        ],
    ),
    (
        "summarizer-for-the-last-day-only",
        &[
            (
                "experiment.toml",
                "name = \"last day\"\nmodels = [\"ollama/x\", \"ollama/y\"]\n[protocol]\nmessages = 3\nagents = {a = \
                 2}\n[summarizer]\nmodel = \"human\"\n[factors]\nfinal_summary = [true, false]\n",
            ),
            ("summarizer.md", "Minutes.\n## Two\n<A_NUM>\n## One\n1\n"),
            ("roles/a.md", TWO),
        ],
        &[&["--set", "final_summary=false"], &["--set", "final_summary=true", "--days", "1"]],
    ),
    (
        "cells-and-a-zip",
        &[
            (
                "experiment.toml",
                r#"name = "cells and a zip"
models = ["ollama/x", "ollama/y"]
[protocol]
messages = 4
agents = { a = 1, b = 2 }
[factors]
goal = ["escape", "yard-time"]
manner_a = ["blank", "kind", "kind"]
manner_b = ["blank", "calm", "wild"]
risks = [true, false]
"agents.b" = [1, 2]
[design]
zip = [["manner_a", "manner_b"]]
cells = [
  { goal = "escape", risks = true, "agents.b" = 1 },
  { goal = "yard-time", risks = false, "agents.b" = 2 },
]
exclude = ["model=ollama/y manner_b=wild"]
"#,
            ),
            ("roles/a.md", "## M {manner_a=kind}\nKind.\n## R {risks=true goal=escape}\nR.\n"),
            ("roles/b.md", "## M {manner_b=calm|wild}\nB.\n## N {\"agents.b\"=2}\n<B_NUM>\n"),
        ],
        &[
            &["--set", "manner_a=kind"],
            &["--set", "agents.b=2", "--model", "ollama/y"],
            &["--only", "goal=escape manner_b=wild"],
        ],
    ),
    (
        "starting-messages",
        &[
            (
                "experiment.toml",
                r#"name = "starting messages"
models = ["ollama/x"]
starting_message = "Not used"
[protocol]
messages = 4
agents = { "字" = 1, "über" = 1 }
merge = false
[factors]
starting_message = ["Begin, <字_NOUN>.", "Begin, <ÜBER_PRON>, \\<x>.", ""]
labels = ["auto", "always", "never"]
"#,
            ),
            ("roles/字.md", "<字_NUM> <ÜBER_NUM>\n"),
            ("roles/über.md", "🙂 <AGENT_NAME>\n"),
        ],
        &[&["--set", "starting_message=Hello"], &["--set", "labels=always", "--set", "merge=true"]],
    ),
    (
        "sampling-factors",
        &[
            (
                "experiment.toml",
                r#"name = "sampling factors"
models = [{ id = "ollama/x", temperature = 0.5, max_tokens = 10 }, "scripted"]
[protocol]
messages = 4
agents = { a = 1, b = 1 }
[factors]
model = ["ollama/x"]
temperature = [0.5, 1.0]
max_tokens = [10, 20]
top_k = { from = 1, to = 2 }
top_p = [0.5]
"#,
            ),
            ("roles/a.md", "## T {temperature=0.50}\nHalf.\n"),
            ("roles/b.md", "## T {top_k=2 max_tokens=20}\nTwo.\n"),
        ],
        &[
            &["--set", "temperature=0.5", "--set", "max_tokens=10"],
            &["--set", "top_k=3", "--set", "top_p=1.0"],
            &["--offline"],
            &["--model", "ollama/x", "--set", "top_k=9"],
        ],
    ),
    (
        "the-same-written-into-the-model",
        &[
            (
                "experiment.toml",
                r#"name = "sampling factors"
models = [{ id = "ollama/x", temperature = 0.5, max_tokens = 10, top_k = 1, top_p = 0.5, keep_alive = 60, concurrency = 1 }]
[protocol]
messages = 4
agents = { a = 1, b = 1 }
"#,
            ),
            ("roles/a.md", "## T\nHalf.\n"),
            ("roles/b.md", ""),
        ],
        &[],
    ),
    (
        "zeros",
        &[
            (
                "experiment.toml",
                r#"name = "zeros"
models = ["ollama/x"]
[protocol]
messages = 4
agents = { a = 2, b = 0, c = 0 }
[factors]
temperature = [0.0]
"agents.b" = { from = 0, to = 1 }
"agents.c" = { from = 0, to = 1 }
minus = [-0.0, 0.0, 1e22]
"#,
            ),
            ("roles/a.md", "<B_NUM> <B_NOUN> <C_VERB_be>\n## M {minus=-0.0}\nminus\n"),
            ("roles/b.md", "b\n## S {\"agents.c\"=0}\nalone\n"),
            ("roles/c.md", "c\n"),
        ],
        &[&["--agents", "b=0", "--agents", "c=0..2"], &["--set", "minus=1e22"]],
    ),
    (
        "stop-phrases",
        &[
            (
                "experiment.toml",
                r#"name = "stop phrases"
models = ["ollama/x"]
[protocol]
messages = 20
agents = { seller = 1, buyer = 1 }
speakers = "random"
stop_phrases = ["[DEAL]", "no deal"]
[health]
choice-fallback = "fail"
thinking-cut = { ask = 3, then = "fail" }
"#,
            ),
            ("roles/seller.md", "Sell.\n\n\n\n## Limit\n100\n"),
            ("roles/buyer.md", "\n\nBuy.\n\n## Limit\n\n\n120\n\n"),
        ],
        &[
            &["--set", "stop_phrases=[\"[DEAL]\"]"],
            &["--messages", "5", "--set", "speakers=round-robin"],
            &["--seed", "5", "--replicates", "3"],
        ],
    ),
    (
        "many-roles",
        &[
            (
                "experiment.toml",
                r#"name = "many roles"
models = ["ollama/x", "scripted"]
[protocol]
messages = 8
agents = { e = 1, d = 1, c = 1, b = 1, a = 1 }
speakers = "auto"
labels = "always"
[factors]
"agents.e" = [1, 4]
model = ["ollama/x", "scripted"]
speakers = ["auto", "manual"]
"#,
            ),
            ("shared.md", "## Rules\nOne.\n## Rules {speakers=manual}\nTwo.\n"),
            ("roles/a.md", "a <E_NUM>\n"),
            ("roles/b.md", "b\n"),
            ("roles/c.md", "c\n"),
            ("roles/d.md", "d\n"),
            ("roles/e.md", "e\n"),
        ],
        &[&["--speakers", "auto", "--agents", "e=2..3"], &["--offline", "--speakers", "manual"]],
    ),
];
