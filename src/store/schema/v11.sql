-- Version 11: which catalogue of drugs and services is in force, and what the centre answered to lookups.

-- The rows of the catalogue are in a file of their own (store::catalogue).

CREATE TABLE catalogue (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    serial INTEGER NOT NULL,  -- none with a smaller one takes its place
    file TEXT NOT NULL,       -- the name of the rows' file, beside this one
    digest BLOB NOT NULL,     -- its SHA-256
    key BLOB NOT NULL,        -- empty: nothing in it is hashed
    told TEXT NOT NULL        -- what is told of it, as JSON
);

-- What the centre answered, until it may be shown no more.
CREATE TABLE answers (
    holder   BLOB    NOT NULL CHECK (length(holder) = 32),    -- keyed hash
    part     TEXT    NOT NULL,                                -- of the scenario that asked
    question BLOB    NOT NULL CHECK (length(question) = 32),  -- keyed hash
    asked    INTEGER NOT NULL,                                -- when, by this terminal's clock; in milliseconds
    as_of    INTEGER NOT NULL,                                -- when the centre had read it
    sealed   BLOB    NOT NULL,
    PRIMARY KEY (holder, part, question)
) STRICT, WITHOUT ROWID;

-- They were kept among the accumulators before. Nobody misses them: each is shown for hours only.
DELETE FROM accumulators WHERE instr(scope, '/found/') > 0;
