-- Version 5: what reconciliation found, and what was done about it.

CREATE TABLE reconciliations (
    date TEXT NOT NULL PRIMARY KEY,
    run  TEXT NOT NULL                                -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE differences (
    id         INTEGER NOT NULL PRIMARY KEY,
    date       TEXT    NOT NULL,
    msgid      TEXT    NOT NULL,
    open       INTEGER NOT NULL CHECK (open IN (0, 1)),
    difference TEXT    NOT NULL,                      -- JSON; amounts and numbers, nothing personal
    UNIQUE (date, msgid)
) STRICT;
