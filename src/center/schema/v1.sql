-- The reference centre, version 1. It holds personal data: that is what a centre is for.

CREATE TABLE persons (
    psn_no   TEXT NOT NULL PRIMARY KEY,
    certno   TEXT NOT NULL UNIQUE,
    insutype TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the centre knows of a person for a scenario's pack; JSON.
CREATE TABLE facts (
    psn_no   TEXT NOT NULL REFERENCES persons,
    scenario TEXT NOT NULL,
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (psn_no, scenario, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE accumulators (
    psn_no   TEXT NOT NULL REFERENCES persons,
    scenario TEXT NOT NULL,
    name     TEXT NOT NULL,
    period   TEXT NOT NULL,
    value    TEXT NOT NULL,
    told     TEXT,                       -- what a query shows in its place: a query side that lags behind
    PRIMARY KEY (psn_no, scenario, name, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE chain (
    terminal TEXT    NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    id       BLOB    NOT NULL UNIQUE,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    header   TEXT    NOT NULL,
    PRIMARY KEY (terminal, sequence)
) STRICT, WITHOUT ROWID;

-- Store and forward: one row an id for ever, with the receipt that each sending gets.
CREATE TABLE transactions (
    number      INTEGER NOT NULL PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    terminal    TEXT    NOT NULL,
    sequence    INTEGER NOT NULL,
    header_hash BLOB    NOT NULL,
    content     BLOB    NOT NULL,        -- SHA-256 of header and payload
    scenario    TEXT    NOT NULL,
    accepted    INTEGER NOT NULL CHECK (accepted IN (0, 1)),
    receipt     TEXT    NOT NULL,
    detail      TEXT    NOT NULL,        -- how the terminal explains it
    times       INTEGER NOT NULL,        -- how often it came
    UNIQUE (terminal, sequence)
) STRICT;

-- One row a message id for ever. A message id that was reversed before it came is here too, and settles nothing.
CREATE TABLE settlements (
    number  INTEGER NOT NULL PRIMARY KEY,
    msgid   TEXT    NOT NULL UNIQUE,
    state   TEXT    NOT NULL CHECK (state IN ('settled', 'refused', 'reversed', 'void')),
    psn_no  TEXT,
    content BLOB,
    reply   TEXT,
    posted  TEXT,                        -- what it did to accumulators and account
    times   INTEGER NOT NULL
) STRICT;

CREATE TABLE sign_ins (
    psn_no TEXT NOT NULL REFERENCES persons,
    month  TEXT NOT NULL,
    id     BLOB NOT NULL UNIQUE,
    PRIMARY KEY (psn_no, month)
) STRICT, WITHOUT ROWID;
