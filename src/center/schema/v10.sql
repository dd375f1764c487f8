-- What was filed: one row a filing for ever. The 受理号 is made of its number.
CREATE TABLE filings (
    number    INTEGER NOT NULL PRIMARY KEY,
    id        BLOB    UNIQUE,              -- the transaction that brought it; none of what stood before any came
    psn_no    TEXT    NOT NULL REFERENCES persons,
    scenario  TEXT    NOT NULL,
    part      TEXT,                        -- of the scenario; none: whichever
    once      TEXT,                        -- what makes it the same as another one
    state     TEXT    NOT NULL CHECK (state IN ('accepted', 'withdrawn')),
    filed_on  TEXT    NOT NULL,
    fields    TEXT    NOT NULL,            -- JSON, as are the next two
    documents TEXT    NOT NULL,
    lines     TEXT    NOT NULL
) STRICT;

-- One of a key stands at a time.
CREATE UNIQUE INDEX filings_once ON filings (psn_no, scenario, ifnull(part, ''), once)
WHERE once IS NOT NULL AND state = 'accepted';

-- What lookups find: also the orders that are due and the payments to holders, whose state the centre changes.
CREATE TABLE records (
    number   INTEGER NOT NULL PRIMARY KEY,
    psn_no   TEXT    NOT NULL REFERENCES persons,
    scenario TEXT    NOT NULL,
    part     TEXT,                         -- of the scenario; none: whichever
    item     TEXT,                         -- which item names the record, and
    key      TEXT,                         -- what it is
    record   TEXT    NOT NULL,             -- JSON: each item's value
    CHECK ((item IS NULL) = (key IS NULL))
) STRICT;

CREATE INDEX records_shelf ON records (scenario, psn_no);
CREATE UNIQUE INDEX records_key ON records (psn_no, scenario, ifnull(part, ''), item, key) WHERE key IS NOT NULL;

-- Payments by holders. One row a message id of a terminal for ever, as of settlements; one that was reversed before it
-- came is here too, and pays nothing.
CREATE TABLE payments (
    number   INTEGER NOT NULL PRIMARY KEY,
    terminal TEXT    NOT NULL,
    msgid    TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('paid', 'refused', 'reversed', 'void')),
    content  BLOB,
    reply    TEXT,
    record   INTEGER REFERENCES records,   -- the order that it pays
    posted   TEXT,                         -- what it did to accumulators
    times    INTEGER NOT NULL,
    UNIQUE (terminal, msgid)
) STRICT;

-- An order is paid once, whatever the message id.
CREATE UNIQUE INDEX payments_order ON payments (record) WHERE state = 'paid';

-- Answered queries: that somebody was shown their records, and what was printed of them; never the records.
CREATE TABLE enquiries (
    id              BLOB    NOT NULL PRIMARY KEY,
    psn_no          TEXT    NOT NULL REFERENCES persons,
    scenario        TEXT    NOT NULL,
    as_of           TEXT    NOT NULL,
    records         INTEGER NOT NULL,
    cached          INTEGER NOT NULL CHECK (cached IN (0, 1)),
    printed         INTEGER NOT NULL CHECK (printed IN (0, 1)),
    document_sha256 TEXT
) STRICT, WITHOUT ROWID;
