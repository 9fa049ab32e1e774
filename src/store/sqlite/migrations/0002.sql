-- Schema 2: only adds. What schema 1 stored reads as the default of each new column.

alter table conversations add column kind text not null default 'conversation';
alter table conversations add column subject text;   -- of a question: the finished conversation that it is about
alter table conversations add column question text;  -- of a question, JSON: {text, role, agents, again}
alter table conversations add column ended_by text;  -- of what is done: messages, stop-phrase, silence, answered

alter table messages add column more text;           -- JSON: further fields, of processes that have some

alter table runs add column kind text not null default 'run';
alter table runs add column overrides text;          -- JSON
alter table runs add column ask text;                -- of kind ask, JSON: {questions, roles, model, again}

create table marks (                                 -- marks of those who are not the item's creator
    item    text not null,                           -- id of an experiment or a conversation
    person  text not null,
    starred integer not null,
    note    text,
    at      text not null,
    primary key (item, person)
) strict;

drop index conversations_by_status;
create index conversations_by_status on conversations (experiment, kind, revision, status, offline);
