//! Tables of the help: groups of commands, and each command's examples, exit codes and variables.

use crate::cli::error::Exit::{
    self, Budget, Done, Experiment, Failed, Interrupt, Model, NotFound, NotYours, Store, Terminate, Usage,
};

/// Commands with one purpose.
pub struct Group {
    /// Heading.
    pub purpose: &'static str,
    /// Names of the commands, in the order of the list.
    pub commands: &'static [&'static str],
}

/// Every command of `convoke --help`, by purpose.
pub const GROUPS: &[Group] = &[
    Group {
        purpose: "Design an experiment",
        commands: &["new", "people", "check", "plan", "import", "duplicate", "edit", "diff"],
    },
    Group { purpose: "Run it", commands: &["run", "talk", "ask"] },
    Group { purpose: "Look at results", commands: &["list", "show", "summary"] },
    Group { purpose: "Keep and clean up", commands: &["export", "note", "star", "verify", "store", "delete"] },
    Group { purpose: "Set up", commands: &["login", "models", "doctor", "completions", "man", "help"] },
];

/// Exit codes, each with its meaning.
pub const EXITS: &[(Exit, &str)] = &[
    (Done, "everything requested is done"),
    (Failed, "some conversations or questions are failed"),
    (Usage, "wrong usage, or a prompt is needed and not possible (no terminal, or --no-input)"),
    (Experiment, "the experiment has mistakes"),
    (Store, "the database failed: unreachable, in use, full, damaged or made by a newer convoke"),
    (Model, "a required server or model could not be used"),
    (NotFound, "not found, or a name with more than one meaning"),
    (NotYours, "it belongs to another creator, so you may not change it"),
    (Budget, "stopped by --max-calls or --max-time"),
    (Interrupt, "interrupted by Ctrl-C"),
    (Terminate, "ended by SIGTERM"),
];

/// Environment variables of one kind, each with its meaning.
pub type Variables = &'static [(&'static str, &'static str)];

/// Variables that name the database and its user.
pub const DATABASE: Variables = &[
    ("CONVOKE_STORE", "database, unless --store is given"),
    ("DB_CLUSTER_URL", "address of a MongoDB, unless --store or CONVOKE_STORE is given"),
    ("DB_USER", "user of that MongoDB; with a file, your name as creator"),
    ("DB_PASSWORD", "password of that user, or of the user whom --store or CONVOKE_STORE names"),
    ("DB_NAME", "database on the MongoDB, if its address names none"),
];

/// Variables that name model servers, and their limits.
pub const SERVERS: Variables = &[
    ("OPENAI_API_KEY, OPENAI_BASE_URL", "key and address of the server `openai`"),
    ("OLLAMA_HOST, OLLAMA_API_KEY", "address and key of the server `ollama`"),
    ("AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY", "address and key of the server `azure`"),
    ("AZURE_OPENAI_API_VERSION", "version of its interface, for older resources"),
    ("HTTPS_PROXY, ALL_PROXY, NO_PROXY", "proxies for servers reached by https"),
    ("CONVOKE_SCRIPT", "file with the replies of `scripted`, one on each line"),
    ("CONVOKE_CONNECT_TIMEOUT, CONVOKE_FIRST_BYTE_TIMEOUT", "limits of one attempt, in seconds"),
    ("CONVOKE_IDLE_TIMEOUT, CONVOKE_ATTEMPT_TIMEOUT", "further limits, in seconds"),
    ("CONVOKE_REPLY_MIB", "largest reply, in MiB"),
];

/// Variables of the terminal.
pub const TERMINAL: Variables = &[("NO_COLOR", "any value: no colour")];

/// Help of a command beyond its arguments.
pub struct Page {
    /// Name of the command, such as `store copy`.
    pub command: &'static str,
    /// Lines that can be pasted, each with a remark.
    pub examples: &'static [(&'static str, &'static str)],
    /// Exit codes beside 0, 2, 130 and 143.
    pub exits: &'static [Exit],
    /// Kinds of variables that the command reads.
    pub variables: &'static [Variables],
}

const READS: &[Exit] = &[Store, NotFound];
const PLANS: &[Exit] = &[Experiment, Store, NotFound];
const CHANGES: &[Exit] = &[Experiment, Store, NotFound, NotYours];
const WORKS: &[Exit] = &[Failed, Experiment, Store, Model, NotFound, Budget];

/// The help of each command. A test runs the examples in this order; `5e133070` stands for the id of a conversation.
pub const PAGES: &[Page] = &[
    Page {
        command: "new",
        examples: &[
            ("convoke new study --from prison", "folder `study`, with the texts of an example"),
            ("convoke new short --from prison --set messages=6", "the same, but shorter"),
            ("convoke new pilot --from debate --stored", "into the database; no folder"),
            ("convoke new group --from focus-group", "agents who are persons"),
        ],
        exits: &[Experiment, Store],
        variables: &[DATABASE],
    },
    Page {
        command: "people",
        examples: &[
            ("convoke people list group", "the persons of an experiment"),
            ("convoke people show group/people/amina.json", "one, as a prompt has it"),
            ("convoke people compare group", "how their facts are distributed"),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "people list",
        examples: &[
            ("convoke people list group", "the persons of an experiment"),
            ("convoke people list 'group/people/*.json'", "those in some files"),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "people show",
        examples: &[("convoke people show group/people/amina.json", "the section of her prompt")],
        exits: &[Experiment, NotFound],
        variables: &[],
    },
    Page {
        command: "people generate",
        examples: &[(
            "convoke people generate --describe 'Retired sailors' --number 3 --offline",
            "three, by a sentence",
        )],
        exits: WORKS,
        variables: &[DATABASE, SERVERS],
    },
    Page {
        command: "people compare",
        examples: &[
            ("convoke people compare group", "one set"),
            ("convoke people compare 'group/people/*.json' group", "two sets, with their distance"),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "check",
        examples: &[
            ("convoke check study", "every mistake, each with its line and remedy"),
            ("convoke check study --preview --only goal=escape --role guard", "prompts of some conditions"),
            ("convoke check study --fix", "write guessed plurals and pronouns down"),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "plan",
        examples: &[
            ("convoke plan study", "calls and tokens of what is missing"),
            ("convoke plan study --set messages=12 --replicates 5", "of other settings"),
            ("convoke plan study --only 'goal=escape risks=true'", "of some conditions"),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "import",
        examples: &[
            ("convoke import study", "store the folder `study` without running it"),
            ("convoke import arena.json", "the same with an arena of ChatArena"),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "duplicate",
        examples: &[
            ("convoke duplicate study --name longer --set messages=30", "a copy with other settings"),
            (
                "convoke duplicate study --name kind --section 'guard/Goal=Keep order, and be kind.'",
                "a copy with another text",
            ),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "edit",
        examples: &[
            ("convoke edit longer --set messages=24 --note 'Six more messages'", "change settings and the note"),
            ("convoke edit kind --section 'guard/Goal=Be kind.' --private 'Communication rules'", "change texts"),
            ("convoke edit longer --name longest", "give it another name"),
        ],
        exits: CHANGES,
        variables: &[DATABASE],
    },
    Page {
        command: "diff",
        examples: &[
            ("convoke diff study kind", "a folder and a stored experiment"),
            ("convoke diff kind longest --json", "two stored ones, for a program"),
        ],
        exits: PLANS,
        variables: &[DATABASE],
    },
    Page {
        command: "run",
        examples: &[
            ("convoke run study --offline --limit 4", "try it: no server, no key, no cost"),
            ("convoke run study --offline --only goal=escape --limit 8", "some conditions; the same command resumes"),
            (
                "convoke run study --model ollama/llama3.1 --replicates 10 --jobs 4",
                "ten of each condition, with a model of your own machine",
            ),
            (
                "convoke run study --max-time 8h --notify 'cat > last.json'",
                "at most 8 hours; then the result goes to a file",
            ),
        ],
        exits: WORKS,
        variables: &[DATABASE, SERVERS],
    },
    Page {
        command: "talk",
        examples: &[
            ("convoke talk study --as prisoner", "you type the prisoner's turns"),
            ("convoke talk study --as guard --model scripted --only goal=escape", "without a model server"),
        ],
        exits: WORKS,
        variables: &[DATABASE, SERVERS],
    },
    Page {
        command: "ask",
        examples: &[
            ("convoke ask study 'Why did you act so?' --plan", "count the calls, and send nothing"),
            ("convoke ask study 'Why did you act so?' --role guard --limit 2", "ask two guards"),
            ("convoke ask 5e133070 'What would you do now?'", "ask the agents of one conversation"),
        ],
        exits: WORKS,
        variables: &[DATABASE, SERVERS],
    },
    Page {
        command: "list",
        examples: &[
            ("convoke list", "your experiments, and those of others"),
            ("convoke list study --only goal=escape --status done", "some conversations of one"),
            ("convoke list study --revisions", "what was changed, and when"),
            ("convoke list --running", "runs at work"),
        ],
        exits: READS,
        variables: &[DATABASE],
    },
    Page {
        command: "show",
        examples: &[
            ("convoke show study", "everything that the experiment consists of"),
            ("convoke show 5e133070", "a transcript"),
            ("convoke show 5e133070 --calls", "with every request and reply"),
            ("convoke show study --grep experiment", "lines that contain a text"),
        ],
        exits: READS,
        variables: &[DATABASE],
    },
    Page {
        command: "summary",
        examples: &[
            ("convoke summary study --by goal", "a row for each goal"),
            ("convoke summary study --by goal --by risks --format csv", "two factors, for a table"),
        ],
        exits: READS,
        variables: &[DATABASE],
    },
    Page {
        command: "export",
        examples: &[
            ("convoke export study --format csv -o study.csv", "one row for each entry"),
            (
                "convoke export study --format csv --rows conversations --codebook -o conversations.csv",
                "one row for each conversation, and a description of the columns",
            ),
            ("convoke export study --format md -o transcripts", "transcripts to read"),
            ("convoke export study --format folder -o again", "the experiment as a folder"),
        ],
        exits: READS,
        variables: &[DATABASE],
    },
    Page {
        command: "note",
        examples: &[
            ("convoke note kind 'Does kindness pay?'", "write a note"),
            ("convoke note kind", "print it"),
            ("convoke note 5e133070 'The prisoner flees.'", "a note of a conversation"),
            ("convoke note kind --drop", "remove it"),
        ],
        exits: READS,
        variables: &[DATABASE],
    },
    Page {
        command: "star",
        examples: &[
            ("convoke star 5e133070", "star a conversation"),
            ("convoke list study --starred", "list what you starred"),
            ("convoke star 5e133070 --off", "remove the star"),
        ],
        exits: READS,
        variables: &[DATABASE],
    },
    Page {
        command: "verify",
        examples: &[("convoke verify", "the whole database"), ("convoke verify 5e133070", "one conversation")],
        exits: READS,
        variables: &[DATABASE],
    },
    Page {
        command: "store",
        examples: &[
            ("convoke store", "the database in use, and what names it"),
            ("convoke store copy sqlite:convoke.db sqlite:backup.db", "copy everything"),
        ],
        exits: &[Store, NotFound],
        variables: &[DATABASE],
    },
    Page {
        command: "store copy",
        examples: &[
            ("convoke store copy sqlite:convoke.db sqlite:backup.db", "from one file to another"),
            ("convoke store copy sqlite:convoke.db mongodb://ann@db.example.org/convoke", "to a MongoDB"),
        ],
        exits: &[Store, NotFound],
        variables: &[&[("DB_PASSWORD", "password of the user that an address names")]],
    },
    Page {
        command: "delete",
        examples: &[
            ("convoke delete 5e133070", "a conversation; asks first"),
            ("convoke delete study --only goal=escape --status done --yes", "some conversations; asks nothing"),
            ("convoke delete kind --yes", "an experiment, with everything in it"),
        ],
        exits: &[Store, NotFound, NotYours],
        variables: &[DATABASE],
    },
    Page {
        command: "login",
        examples: &[
            ("convoke login", "asks for address, user, password and database"),
            ("convoke login --url db.example.org:27017 --user ann --database convoke --save", "asks for the password"),
        ],
        exits: &[Store],
        variables: &[DATABASE],
    },
    Page {
        command: "models",
        examples: &[
            ("convoke models", "what each server offers"),
            ("convoke models pull ollama/llama3.1", "fetch a model"),
        ],
        exits: &[Model],
        variables: &[SERVERS],
    },
    Page {
        command: "models pull",
        examples: &[("convoke models pull ollama/llama3.1", "fetch a model to the server `ollama`")],
        exits: &[Model],
        variables: &[SERVERS],
    },
    Page {
        command: "doctor",
        examples: &[
            ("convoke doctor", "check database, keys, servers and models"),
            ("convoke doctor --config", "where each setting comes from"),
        ],
        exits: &[Store, Model],
        variables: &[DATABASE, SERVERS, TERMINAL],
    },
    Page {
        command: "completions",
        examples: &[("convoke completions bash", "print the script")],
        exits: &[],
        variables: &[],
    },
    Page {
        command: "man",
        examples: &[("convoke man pages/man1", "one page for each command"), ("convoke man", "print the first page")],
        exits: &[],
        variables: &[],
    },
];
