-- Schema 1. Instants are ISO 8601 text in UTC with milliseconds, so that they sort; what has structure is JSON text.

create table revisions (
    hash     text primary key,                  -- SHA-256 of the document without note, [run] and servers
    document text not null                      -- JSON, whole, as first stored
) strict;

create table experiments (
    id       text primary key,                  -- 16 random hex digits
    name     text not null,
    creator  text not null,
    created  text not null,
    starred  integer not null default 0,
    note     text,
    version  integer not null,                  -- grows with each change
    parent   text,                              -- the experiment that it was copied from
    revision text not null references revisions (hash),
    run      text not null,                     -- JSON: [run] as last read from its folder
    unique (creator, name)
) strict;

create table conversations (
    id               text primary key,          -- hash of (experiment, key), 16 hex digits
    experiment       text not null references experiments (id),
    revision         text not null references revisions (hash),
    key              text not null,             -- SHA-256 of what it is made from
    creator          text not null,
    created          text not null,
    condition        text not null,             -- JSON: [{name, value}]
    replicate        integer not null,
    seed             text not null,             -- decimal, up to 64 bits without a sign
    status           text not null,
    reason           text,
    models           text not null,             -- JSON: [{name, id, sampling}]
    agents           text not null,             -- JSON: [{name, value}]
    participants     text not null,             -- JSON: [{name, role, model}]
    messages         integer not null,
    days             integer not null,
    speakers         text not null,
    starting_message text not null,
    offline          integer not null,
    starred          integer not null,
    note             text,
    retries          integer not null,
    epoch            integer not null default 0, -- grows with each claim, also after the lease ended
    owner            text,                      -- the lease: a run's id; null = nobody
    host             text,
    boot             text,
    pid              integer,
    until            text,
    entries          integer not null default 0, -- counters of the log, kept with each append
    answered         integer not null default 0,
    possible_spend   integer not null default 0,
    flags            text not null default '[]', -- JSON: the union of the log's
    unique (experiment, key)
) strict;

create index conversations_by_status on conversations (experiment, revision, status);
create index conversations_by_age on conversations (experiment, created, id);

create table messages (
    conversation  text not null references conversations (id),
    seq           integer not null,             -- from 0
    day           integer not null,             -- from 1
    idx           integer not null,             -- messages that the day had before it
    kind          text not null,
    speaker       text not null,
    role          text,
    model         text,
    content       text not null,                -- what others read
    raw           text,                         -- what the model gave
    flags         text not null,                -- JSON: [flag]
    purpose       text,                         -- the call that brought it is (seq, purpose, ask)
    ask           integer,
    prompt_bytes  integer,
    prompt_tokens integer,
    primary key (conversation, seq)
) strict;

create table texts (
    hash text primary key,                      -- SHA-256
    text text not null
) strict;

create table calls (
    conversation text not null references conversations (id),
    seq          integer not null,              -- where its entry stands or will stand
    purpose      text not null,
    ask          integer not null,
    state        text not null,
    epoch        integer not null,              -- of the claim that wrote it
    server       text not null,
    model        text not null,                 -- as sent
    parameters   text not null,                 -- JSON: the body without model and messages
    view         text not null,                 -- JSON: the messages by reference; texts by hash
    body_sha256  text not null,
    attempts     text not null,                 -- JSON
    kept         integer not null,              -- how many of the attempts are of earlier askings
    spend        integer not null,              -- attempts that may have been paid for without a reply; +1 while sent
    sent         text not null,
    answered     text,
    reply        text,                          -- JSON: the answer as read, without `raw`
    raw          text,                          -- the response as received
    served            text    generated always as (json_extract(reply, '$.served.model')) virtual,
    finish_reason     text    generated always as (json_extract(reply, '$.finish_reason')) virtual,
    prompt_tokens     integer generated always as (json_extract(reply, '$.usage.prompt')) virtual,
    completion_tokens integer generated always as (json_extract(reply, '$.usage.completion')) virtual,
    primary key (conversation, seq, purpose, ask)
) strict;

create table runs (
    id         text primary key,                -- 16 random hex digits
    experiment text not null references experiments (id),
    revision   text not null references revisions (hash),
    started    text not null,
    creator    text not null,
    flags      text not null,                   -- JSON: [argument]
    counts     text not null,                   -- JSON: [{name, value}]
    answers    text not null,                   -- JSON: [{name, value}]
    version    text not null,                   -- the program's
    ended      text                             -- null = it was killed, or goes on
) strict;

create index runs_by_age on runs (experiment, started, id);
