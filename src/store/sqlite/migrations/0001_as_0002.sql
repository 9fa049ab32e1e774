-- Views of one connection that reads schema 1 as if it were schema 2: each hides the table of its name. Where the file
-- is migrated meanwhile, `*` has the new columns and comes first, so that the defaults are hidden in turn.

pragma temp_store = memory;

create temp view conversations as
    select *, 'conversation' as kind, null as subject, null as question, null as ended_by from main.conversations;
create temp view messages as select *, null as more from main.messages;
create temp view runs as select *, 'run' as kind, null as overrides, null as ask from main.runs;
create temp view marks as select '' as item, '' as person, 0 as starred, null as note, '' as at where false;
